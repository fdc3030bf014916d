/** The calls of uacme: `HOOK METHOD TYPE IDENT TOKEN AUTH` (uacme 1.7, uacme.c: authorize). Pure. */
import { Failure } from '../../failure.js'
import { challengeOf, dnsChallengeOf, dnsKnownOf, tokenOf, type Call, type Given } from '../call.js'

/** Any status above 0 declines a challenge, and uacme offers the next type. */
const DECLINED = 1

/**
 * Translates a call. Challenges of types that the user does not want are declined. With dns-01 AUTH is the digest.
 * @throws Failure `hook-arguments`
 */
export function readUacmeCall({ words, types }: Given): Call {
  const [method, type, identifier = '', token, auth] = words
  if (words.length !== 5)
    throw new Failure(
      'hook-arguments',
      `the hook of uacme takes METHOD, TYPE, IDENT, TOKEN and AUTH, and got ${words.length} arguments`,
    )
  if (method !== 'begin' && method !== 'done' && method !== 'failed')
    throw new Failure('hook-arguments', 'METHOD of uacme is not begin, done or failed')
  if ((type !== 'http-01' && type !== 'dns-01') || !types.includes(type)) return { op: 'other', alone: DECLINED }
  const given = {
    identifier: { value: identifier, name: 'IDENT of uacme' },
    token: { value: token, name: 'TOKEN of uacme' },
    keyAuthorization: { value: auth, name: 'AUTH of uacme' },
  }
  if (method !== 'begin') {
    const known = type === 'dns-01' ? dnsKnownOf(given.keyAuthorization) : { token: tokenOf(given.token) }
    return { op: 'disarm', wereArmed: true, challenges: [{ identifier, ...known }] }
  }
  const challenge =
    type === 'dns-01' ? dnsChallengeOf({ ...given, digest: given.keyAuthorization }) : challengeOf(given)
  return { op: 'arm', challenges: [challenge] }
}
