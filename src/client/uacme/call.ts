/** The calls of uacme: `HOOK METHOD TYPE IDENT TOKEN AUTH` (uacme 1.7, uacme.c: authorize). Pure. */
import { Failure } from '../../failure.js'
import { challengeOf, dnsChallengeOf, dnsKnownOf, tlsChallengeOf, tokenOf, type Call, type Given } from '../call.js'

/** Any status above 0 declines a challenge, and uacme offers the next type. */
const DECLINED = 1

/**
 * Translates a call. Challenges of types that the user does not want are declined. With dns-01 and
 * tls-alpn-01 AUTH is the digest.
 * @throws Failure `hook-arguments`
 */
export function readUacmeCall({ words, types }: Given): Call {
  const [method, offered, identifier = '', token, auth] = words
  if (words.length !== 5)
    throw new Failure(
      'hook-arguments',
      `the hook of uacme takes METHOD, TYPE, IDENT, TOKEN and AUTH, and got ${words.length} arguments`,
    )
  if (method !== 'begin' && method !== 'done' && method !== 'failed')
    throw new Failure('hook-arguments', 'METHOD of uacme is not begin, done or failed')
  const type = types.find((wanted) => wanted === offered)
  if (!type) return { op: 'other', alone: DECLINED }
  const given = {
    identifier: { value: identifier, name: 'IDENT of uacme' },
    token: { value: token, name: 'TOKEN of uacme' },
    keyAuthorization: { value: auth, name: 'AUTH of uacme' },
    digest: { value: auth, name: 'AUTH of uacme' },
  }
  if (method !== 'begin') {
    const known =
      type === 'dns-01'
        ? dnsKnownOf(given.digest)
        : { ...(type === 'tls-alpn-01' && { type }), token: tokenOf(given.token) }
    return { op: 'disarm', wereArmed: true, challenges: [{ identifier, ...known }] }
  }
  if (type === 'dns-01') return { op: 'arm', challenges: [dnsChallengeOf(given)] }
  return { op: 'arm', challenges: [type === 'tls-alpn-01' ? tlsChallengeOf(given) : challengeOf(given)] }
}
