/** A call of a hook, translated from the words of its ACME client. Pure. */
import {
  isDigest,
  isOfType,
  isToken,
  MIN_TOKEN_LENGTH,
  readChallenge,
  type Challenge,
  type ChallengeType,
  type Dns01Challenge,
  type Http01Challenge,
  type Known,
  type TlsAlpn01Challenge,
} from '../challenge/challenge.js'
import { addressOf } from '../challenge/tls-alpn-01/names.js'
import { Failure } from '../failure.js'
import { MAX_TOKEN_LENGTH } from '../wire/http/http.js'

/** What a client gives its hook. */
export interface Given {
  /** The arguments, without the options of certbot-nfq. */
  readonly words: readonly string[]
  readonly environment: Readonly<Record<string, string | undefined>>
  /** The types that the user wants taken, of a client that offers one after another. */
  readonly types: readonly ChallengeType[]
  /** Reads standard input to its end, or to more than a key authorization has. */
  readonly input: () => string
}

/** What the client wants. */
export type Call =
  /** All of these are to be armed, or none. */
  | { readonly op: 'arm'; readonly challenges: readonly Challenge[] }
  | {
      readonly op: 'disarm'
      readonly challenges: readonly (Known & Pick<Challenge, 'identifier'>)[]
      /** Whether the client disarms only what its hook has armed before. */
      readonly wereArmed: boolean
    }
  /**
   * Something that certbot-nfq has no part in, such as another event or another challenge type. `alone` is the exit
   * status that the client wants then, or the failure.
   */
  | { readonly op: 'other'; readonly alone: number | Failure }

/** Translates a call. @throws Failure for what no client gives */
export type ReadCall = (given: Given) => Call

/** A field of a challenge as a client gave it, and what the client calls it. */
interface Field {
  readonly value: string | undefined
  readonly name: string
}

type Fields = Readonly<Record<'token' | 'keyAuthorization' | 'identifier', Field>>

/** Returns the http-01 challenge that these fields are. @throws Failure `hook-arguments` */
export function challengeOf({ token, keyAuthorization, identifier }: Fields): Http01Challenge {
  const challenge = readChallenge({
    token: tokenOf(token),
    keyAuthorization: keyAuthorization.value,
    identifier: identifier.value,
  })
  if (typeof challenge === 'object' && isOfType(challenge, 'http-01')) return challenge
  throw new Failure(
    'hook-arguments',
    challenge === 'identifier'
      ? `${identifier.name} is no domain name or IP address`
      : `${keyAuthorization.name} is not the token, a dot and a base64url thumbprint`,
  )
}

/** Returns the token that this field is. @throws Failure `hook-arguments` */
export function tokenOf({ value, name }: Field): string {
  if (isToken(value)) return value
  throw new Failure(
    'hook-arguments',
    `${name} is not base64url of ${MIN_TOKEN_LENGTH} to ${MAX_TOKEN_LENGTH} characters`,
  )
}

/** Returns the dns-01 challenge that these fields are. @throws Failure `hook-arguments` */
export function dnsChallengeOf({
  digest,
  identifier,
}: Readonly<Record<'digest' | 'identifier', Field>>): Dns01Challenge {
  const { token } = dnsKnownOf(digest)
  const challenge = readChallenge({ type: 'dns-01', token, digest: token, identifier: identifier.value })
  if (typeof challenge === 'object' && isOfType(challenge, 'dns-01')) return challenge
  throw new Failure('hook-arguments', `${identifier.name} is no domain name`)
}

/** Returns what the dns-01 challenge with this digest is known by. @throws Failure `hook-arguments` */
export function dnsKnownOf({ value, name }: Field): Known {
  if (isDigest(value)) return { type: 'dns-01', token: value }
  throw new Failure('hook-arguments', `${name} is no value of dns-01: 43 characters of base64url`)
}

/**
 * Returns the tls-alpn-01 challenge that these fields are. A client may give an address by its reverse name.
 * @throws Failure `hook-arguments`
 */
export function tlsChallengeOf({
  token,
  digest,
  identifier,
}: Readonly<Record<'token' | 'digest' | 'identifier', Field>>): TlsAlpn01Challenge {
  const type = 'tls-alpn-01'
  const name = addressOf(identifier.value ?? '') ?? identifier.value
  const fields = { type, token: tokenOf(token), digest: digest.value, identifier: name }
  const challenge = readChallenge(fields)
  if (typeof challenge === 'object' && isOfType(challenge, type)) return challenge
  throw new Failure(
    'hook-arguments',
    challenge === 'identifier'
      ? `${identifier.name} is no domain name or IP address`
      : `${digest.name} is no SHA-256 digest of tls-alpn-01`,
  )
}
