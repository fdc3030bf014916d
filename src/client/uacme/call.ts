/** The calls of uacme: `HOOK METHOD TYPE IDENT TOKEN AUTH` (uacme 1.7, uacme.c: authorize). Pure. */
import { Failure } from '../../failure.js'
import { challengeOf, tokenOf, type Call, type Given } from '../call.js'

/** Any status above 0 declines a challenge, and uacme offers the next type. */
const DECLINED = 1

/**
 * Translates a call. Challenges of other types are declined.
 * @throws Failure `hook-arguments`
 */
export function readUacmeCall({ words }: Given): Call {
  const [method, type, identifier = '', token, keyAuthorization] = words
  if (words.length !== 5)
    throw new Failure(
      'hook-arguments',
      `the hook of uacme takes METHOD, TYPE, IDENT, TOKEN and AUTH, and got ${words.length} arguments`,
    )
  if (method !== 'begin' && method !== 'done' && method !== 'failed')
    throw new Failure('hook-arguments', 'METHOD of uacme is not begin, done or failed')
  if (type !== 'http-01') return { op: 'other', alone: DECLINED }
  const given = { value: token, name: 'TOKEN of uacme' }
  if (method !== 'begin') return { op: 'disarm', wereArmed: true, challenges: [{ identifier, token: tokenOf(given) }] }
  const challenge = challengeOf({
    identifier: { value: identifier, name: 'IDENT of uacme' },
    token: given,
    keyAuthorization: { value: keyAuthorization, name: 'AUTH of uacme' },
  })
  return { op: 'arm', challenges: [challenge] }
}
