/**
 * What one hook of certbot tells the other. certbot gives the standard output of its auth hook to its cleanup hook, in
 * CERTBOT_AUTH_OUTPUT. The variable stays set in certbot's own environment (certbot/_internal/plugins/manual.py). So
 * with the next certificate of a `certbot renew` an auth hook sees the output for the last one.
 */
import type { Environment } from './environment.js'

/**
 * What the auth hook has done for a token, as the cleanup hook sees it:
 *
 * - `failed`: it armed nothing, and has said why.
 * - `uncalled`: nothing was called for the token before. So certbot calls the cleanup hook in place of the auth hook.
 * - `unknown`: what was called has said nothing of it, or certbot does not call this.
 */
export type AuthOutcome = 'failed' | 'uncalled' | 'unknown'

/** Reads what the auth hook has done. */
export function authOutcomeIn(environment: Environment, token: string): AuthOutcome {
  if (!isCertbots(environment)) return 'unknown'
  const output = environment['CERTBOT_AUTH_OUTPUT']
  const unarmed = unarmedIn(output)
  if (unarmed === token) return 'failed'
  // A line about another token is from the last certificate: after a call for this one it would be gone.
  return output === undefined || unarmed !== undefined ? 'uncalled' : 'unknown'
}

/**
 * Returns whether certbot calls this auth hook in place of the cleanup hook: what it called before has said so of this
 * token. `told`: the user has been told.
 */
export function isAuthCalledLast(environment: Environment, token: string): boolean | 'told' {
  const output = environment['CERTBOT_AUTH_OUTPUT']
  if (!isCertbots(environment) || unarmedIn(output) !== token) return false
  return output?.includes(EXCHANGED) ? 'told' : true
}

/**
 * Returns whether certbot may call this hook after the auth hook of the same challenge. That is certain only for the
 * first one of a process: after that the output of the last auth hook is always there.
 */
export function mayBeCalledLast(environment: Environment): boolean {
  return isCertbots(environment) && environment['CERTBOT_AUTH_OUTPUT'] !== undefined
}

/** Returns the line that a hook writes to standard output when it leaves nothing armed, for the hook that is next. */
export function unarmedLine(token: string, isExchangeTold = false): string {
  return `certbot-nfq: nothing is armed for ${token}${isExchangeTold ? EXCHANGED : ''}\n`
}

const EXCHANGED = ': the hooks are exchanged'

function unarmedIn(output = ''): string | undefined {
  return /^certbot-nfq: nothing is armed for ([\w-]+)/m.exec(output)?.[1]
}

/** Returns whether certbot calls, and not a person or another program. Its manual plugin sets this for every hook. */
export function isCertbots(environment: Environment): boolean {
  return environment['CERTBOT_REMAINING_CHALLENGES'] !== undefined
}
