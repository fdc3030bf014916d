/** The command lines that certbot keeps in its renewal configuration and hands to a shell. */
import { join } from 'node:path'
import type { ChallengeType } from '../../challenge/challenge.js'
import type { RenewalParameters } from './renewal-configuration.js'

/** The command lines of both hooks: path and options, each word quoted for sh. */
export interface HookCommands {
  readonly auth: string
  readonly cleanup: string
}

/** The challenge types that certbot has. */
export type RenewalType = Exclude<ChallengeType, 'tls-alpn-01'>

/**
 * Returns the hooks of a directory with their options. Both have the same options, because they have to agree on the
 * run directory.
 */
export function hookCommands(directory: string, options: readonly string[]): HookCommands {
  const command = (name: string) => [join(directory, name), ...options].map(quoteForShell).join(' ')
  return { auth: command('auth'), cleanup: command('cleanup') }
}

/** Returns the parameters that make a lineage use these hooks. */
export function hookParameters({ auth, cleanup }: HookCommands, type: RenewalType): RenewalParameters {
  return { authenticator: 'manual', pref_challs: [type], manual_auth_hook: auth, manual_cleanup_hook: cleanup }
}

/** Returns the arguments of `certbot certonly` and `certbot reconfigure` that use these hooks. */
export function certbotArguments({ auth, cleanup }: HookCommands, type: RenewalType): string[] {
  const preferred = type === 'dns-01' ? 'dns' : 'http'
  return ['--manual', '--preferred-challenges', preferred, '--manual-auth-hook', auth, '--manual-cleanup-hook', cleanup]
}

/** Returns one word quoted for sh. It is left alone where that is safe, to be readable. */
export function quoteForShell(word: string): string {
  if (/^[\w./:=@+-]+$/.test(word)) return word
  if (word.includes("'") && !/["$`\\!%]/.test(word)) return `"${word}"`
  // configobj replaces `%(name)s` by another value, so `%` and `(` must not stand next to each other.
  return `'${word.replaceAll("'", `'\\''`).replaceAll('%(', "%''(")}'`
}
