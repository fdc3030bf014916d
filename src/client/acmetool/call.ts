/**
 * The calls of acmetool: `HOOK EVENT ARGUMENT…` (acmetool 0.2, hooks/hooks.go, and "Hooks" in its SCHEMA.md). The key
 * authorization of http-01 comes on standard input. Pure.
 */
import { Failure } from '../../failure.js'
import { challengeOf, dnsChallengeOf, dnsKnownOf, tokenOf, type Call, type Given } from '../call.js'

/** The status of a hook that does not know the event. */
export const NOT_SUPPORTED = 42

/**
 * Translates a call. acmetool runs every hook for every event, so events that are not ours are for others. So are those
 * of a type that the user does not want, because acmetool tries one type after another.
 * @throws Failure `hook-arguments`
 */
export function readAcmetoolCall({ words, types, input }: Given): Call {
  const [event, host = '', , value] = words
  if (event === undefined) throw new Failure('hook-arguments', 'the hook of acmetool was called without an event')
  const [, kind, verb] = /^challenge-(http|dns)-(start|stop)$/.exec(event) ?? []
  const type = kind === 'dns' ? 'dns-01' : 'http-01'
  if (kind === undefined || !types.includes(type)) return { op: 'other', alone: NOT_SUPPORTED }
  const what = type === 'dns-01' ? 'VALUE' : 'TOKEN'
  // With dns-01 a word may follow that says whether it is for a wildcard.
  if (words.length !== 4 && !(type === 'dns-01' && words.length === 5))
    throw new Failure(
      'hook-arguments',
      `${event} of acmetool takes HOST, TARGETFILE and ${what}, and got ${words.length - 1} arguments`,
    )
  const identifier = { value: host, name: 'HOST of acmetool' }
  const given = { value, name: `${what} of acmetool` }
  // acmetool stops what it has started, even when its hooks have failed.
  if (verb === 'stop') {
    const known = type === 'dns-01' ? dnsKnownOf(given) : { token: tokenOf(given) }
    return { op: 'disarm', wereArmed: false, challenges: [{ identifier: host, ...known }] }
  }
  if (type === 'dns-01') return { op: 'arm', challenges: [dnsChallengeOf({ identifier, digest: given })] }
  const keyAuthorization = { value: input().trim(), name: 'what acmetool writes to standard input' }
  return { op: 'arm', challenges: [challengeOf({ identifier, token: given, keyAuthorization })] }
}
