/** The command lines that certbot keeps in its renewal configuration and hands to a shell. */
import { join } from 'node:path'
import type { RenewalParameters } from './renewal-configuration.js'

/** Both hooks as certbot is to call them: path and options, each word quoted for sh. */
export interface HookCommands {
  readonly auth: string
  readonly cleanup: string
}

/** The hooks in a directory with options after them, the same for both: they have to agree on the run directory. */
export function hookCommands(directory: string, options: readonly string[]): HookCommands {
  const command = (name: string) => [join(directory, name), ...options].map(quoteForShell).join(' ')
  return { auth: command('auth'), cleanup: command('cleanup') }
}

/** What makes a lineage use these hooks. */
export function hookParameters({ auth, cleanup }: HookCommands): RenewalParameters {
  return { authenticator: 'manual', pref_challs: ['http-01'], manual_auth_hook: auth, manual_cleanup_hook: cleanup }
}

/** Arguments of certbot that use these hooks, for `certonly` and `reconfigure`. */
export function certbotArguments({ auth, cleanup }: HookCommands): string[] {
  return ['--manual', '--preferred-challenges', 'http', '--manual-auth-hook', auth, '--manual-cleanup-hook', cleanup]
}

/** One word for sh; left alone where that is safe, to be readable. */
export function quoteForShell(word: string): string {
  if (/^[\w./:=@+-]+$/.test(word)) return word
  if (word.includes("'") && !/["$`\\!%]/.test(word)) return `"${word}"`
  // configobj would put another value in place of `%(name)s`, so these two never stand together.
  return `'${word.replaceAll("'", `'\\''`).replaceAll('%(', "%''(")}'`
}
