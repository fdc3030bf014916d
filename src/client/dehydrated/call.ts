/** The calls of dehydrated: `HOOK OPERATION ARGUMENT…` (dehydrated 0.7: sign_domain, and its hook.sh). Pure. */
import { Failure } from '../../failure.js'
import { challengeOf, dnsChallengeOf, dnsKnownOf, tlsChallengeOf, tokenOf, type Call, type Given } from '../call.js'

/**
 * Translates a call. With HOOK_CHAIN=yes domain, token and key authorization are repeated for each name. dehydrated
 * does not pass the challenge type, but it exports CHALLENGETYPE. With dns-01 the digest stands in place of the key
 * authorization; with tls-alpn-01 its hexadecimal digits, with colons between. Every other operation is for others,
 * and wants status 0.
 * @throws Failure `hook-arguments`
 */
export function readDehydratedCall({ words: [operation, ...words], environment }: Given): Call {
  if (operation === undefined)
    throw new Failure('hook-arguments', 'the hook of dehydrated was called without an operation')
  if (operation !== 'deploy_challenge' && operation !== 'clean_challenge') return { op: 'other', alone: 0 }
  const type = environment['CHALLENGETYPE'] || 'http-01'
  if (type !== 'http-01' && type !== 'dns-01' && type !== 'tls-alpn-01')
    return {
      op: 'other',
      alone: operation === 'deploy_challenge' ? new Failure('challenge-type', `dehydrated asks for ${type}`) : 0,
    }
  if (words.length === 0 || words.length % 3 !== 0)
    throw new Failure(
      'hook-arguments',
      `${operation} of dehydrated takes DOMAIN, TOKEN and KEYAUTH, once or more, and got ${words.length} arguments`,
    )
  const triples = Array.from({ length: words.length / 3 }, (_, place) =>
    fieldsOf(words.slice(place * 3, place * 3 + 3)),
  )
  if (operation === 'clean_challenge')
    return {
      op: 'disarm',
      wereArmed: true,
      challenges: triples.map(({ identifier, token, keyAuthorization }) => ({
        identifier: identifier.value ?? '',
        ...(type === 'dns-01' ? dnsKnownOf(keyAuthorization) : { token: tokenOf(token) }),
        ...(type === 'tls-alpn-01' && { type }),
      })),
    }
  return {
    op: 'arm',
    challenges: triples.map((fields) => {
      if (type === 'http-01') return challengeOf(fields)
      if (type === 'dns-01') return dnsChallengeOf({ ...fields, digest: fields.keyAuthorization })
      const { value, name } = fields.keyAuthorization
      return tlsChallengeOf({ ...fields, digest: { value: fromHex(value ?? ''), name } })
    }),
  }
}

/** Returns the base64url of what openssl prints for a digest (`-c -hex`); what is not that stays as it is. */
function fromHex(digits: string): string {
  if (!/^[\da-f]{2}(:[\da-f]{2})*$/i.test(digits)) return digits
  return Buffer.from(digits.replaceAll(':', ''), 'hex').toString('base64url')
}

function fieldsOf([domain, token, keyAuthorization]: readonly string[]) {
  return {
    identifier: { value: domain, name: 'DOMAIN of dehydrated' },
    token: { value: token, name: 'TOKEN of dehydrated' },
    keyAuthorization: { value: keyAuthorization, name: 'KEYAUTH of dehydrated' },
  }
}
