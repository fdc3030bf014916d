/** What `doctor` says of a lineage of certbot that names our hooks. Pure. */
import type { Remark } from '../configuration.js'
import { usesHooks } from './lineage-use.js'
import type { HookName } from './hook-paths.js'
import { readRenewalParameters } from './renewal-configuration.js'

/**
 * Returns what is wrong with the hooks of a lineage, from its renewal configuration: both are the same one, they are
 * exchanged, or there is no cleanup hook. `hookAt` says which of our hooks a path is, if it is one. Returns nothing for
 * a lineage that does not use them, and for text that is no renewal configuration.
 */
export function examineLineage(
  name: string,
  text: string,
  hookAt: (path: string) => HookName | undefined,
): Remark | undefined {
  const parameters = parametersIn(text)
  const [auth, cleanup] = (['auth', 'cleanup'] as const).map((which) => {
    const command = String(parameters[`manual_${which}_hook`] ?? '')
    const path = /^\s*(?:"([^"]*)"|'([^']*)'|(\S+))/.exec(command)?.slice(1).find(Boolean)
    return { path, is: path === undefined || path === 'None' ? 'none' : (hookAt(path) ?? 'other') }
  })
  const paths = [auth?.path, cleanup?.path].filter((path) => path !== undefined)
  if (!usesHooks(text, paths)) return undefined
  const remark = (level: 'fail' | 'warn', what: string): Remark => ({
    level,
    message: `certbot's ${name}: ${what}`,
    fix: `run: certbot-nfq install --adopt ${name}`,
  })
  if (auth?.is === 'cleanup')
    return remark('fail', `manual_auth_hook is the cleanup hook: nothing is armed, and the validation fails`)
  if (cleanup?.is === 'auth')
    return remark('warn', `manual_cleanup_hook is the auth hook: what was armed stays so until its --ttl is over`)
  if (auth?.is === 'auth' && cleanup?.is === 'none')
    return remark('warn', `it has no manual_cleanup_hook: what was armed stays so until its --ttl is over`)
  return undefined
}

function parametersIn(text: string): ReturnType<typeof readRenewalParameters> {
  try {
    return readRenewalParameters(text)
  } catch {
    return {}
  }
}
