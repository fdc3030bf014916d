/** A call of a hook, translated from the words of its ACME client. Pure. */
import {
  isOfType,
  isToken,
  MIN_TOKEN_LENGTH,
  readChallenge,
  type Challenge,
  type Http01Challenge,
  type Known,
} from '../challenge/challenge.js'
import { Failure } from '../failure.js'
import { MAX_TOKEN_LENGTH } from '../wire/http.js'

/** What a client gives its hook. */
export interface Given {
  /** The arguments, without the options of certbot-nfq. */
  readonly words: readonly string[]
  readonly environment: Readonly<Record<string, string | undefined>>
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

/** The fields of an http-01 challenge as a client gave them, and what the client calls them. */
type Fields = Readonly<
  Record<'token' | 'keyAuthorization' | 'identifier', { readonly value: string | undefined; readonly name: string }>
>

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
export function tokenOf({ value, name }: Fields['token']): string {
  if (isToken(value)) return value
  throw new Failure(
    'hook-arguments',
    `${name} is not base64url of ${MIN_TOKEN_LENGTH} to ${MAX_TOKEN_LENGTH} characters`,
  )
}
