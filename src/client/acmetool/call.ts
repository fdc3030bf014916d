/**
 * The calls of acmetool: `HOOK EVENT ARGUMENT…` (acmetool 0.2, hooks/hooks.go, and "Hooks" in its SCHEMA.md). The key
 * authorization comes on standard input. Pure.
 */
import { Failure } from '../../failure.js'
import { challengeOf, tokenOf, type Call, type Given } from '../call.js'

/** The status of a hook that does not know the event. */
export const NOT_SUPPORTED = 42

/**
 * Translates a call. acmetool runs every hook for every event, so events that are not ours are for others.
 * @throws Failure `hook-arguments`
 */
export function readAcmetoolCall({ words, input }: Given): Call {
  const [event, host = '', , token] = words
  if (event === undefined) throw new Failure('hook-arguments', 'the hook of acmetool was called without an event')
  if (event !== 'challenge-http-start' && event !== 'challenge-http-stop') return { op: 'other', alone: NOT_SUPPORTED }
  if (words.length !== 4)
    throw new Failure(
      'hook-arguments',
      `${event} of acmetool takes HOST, TARGETFILE and TOKEN, and got ${words.length - 1} arguments`,
    )
  const given = { value: token, name: 'TOKEN of acmetool' }
  // acmetool stops what it has started, even when its hooks have failed.
  if (event === 'challenge-http-stop')
    return { op: 'disarm', wereArmed: false, challenges: [{ identifier: host, token: tokenOf(given) }] }
  const challenge = challengeOf({
    identifier: { value: host, name: 'HOST of acmetool' },
    token: given,
    keyAuthorization: { value: input().trim(), name: 'what acmetool writes to standard input' },
  })
  return { op: 'arm', challenges: [challenge] }
}
