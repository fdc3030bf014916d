/** Reads the challenge that certbot passes to its hooks in their environment (certbot's manual plugin). */
import {
  isDigest,
  isToken,
  MIN_TOKEN_LENGTH,
  readChallenge,
  type Challenge,
  type Known,
} from '../../challenge/challenge.js'
import { Failure } from '../../failure.js'
import { MAX_TOKEN_LENGTH } from '../../wire/http/http.js'

/** The environment of a process. */
export type Environment = Readonly<Record<string, string | undefined>>

/**
 * Reads the challenge of an auth hook. With a token it is http-01. Without one it is dns-01, whose value certbot gives.
 * A wildcard and its base have the same name then, and each its own value.
 * @throws Failure `token-missing`, `token-malformed`, `validation-malformed`, `identifier-missing`
 */
export function challengeIn(environment: Environment): Challenge {
  const identifier = environment['CERTBOT_IDENTIFIER'] || environment['CERTBOT_DOMAIN']
  const { type, token } = knownIn(environment)
  const challenge =
    type === 'dns-01'
      ? readChallenge({ type, token, digest: token, identifier })
      : readChallenge({ token, keyAuthorization: environment['CERTBOT_VALIDATION'], identifier })
  if (challenge === 'keyAuthorization')
    throw new Failure(
      'validation-malformed',
      'CERTBOT_VALIDATION is not CERTBOT_TOKEN, a dot and a base64url thumbprint',
    )
  if (!identifier) throw new Failure('identifier-missing', 'neither CERTBOT_IDENTIFIER nor CERTBOT_DOMAIN is set')
  if (typeof challenge === 'string')
    throw new Failure('identifier-missing', 'CERTBOT_IDENTIFIER or CERTBOT_DOMAIN is no domain name or IP address')
  return challenge
}

/** Returns the identifier for people, as certbot gives it: a name, an address, or text that says that it is missing. */
export function identifierIn(environment: Environment): string {
  return environment['CERTBOT_IDENTIFIER'] || environment['CERTBOT_DOMAIN'] || 'an unnamed identifier'
}

/**
 * Reads what a challenge is known by: all that a cleanup hook needs.
 * @throws Failure `token-missing`, `token-malformed`, `validation-malformed`
 */
export function knownIn(environment: Environment): Known {
  const token = environment['CERTBOT_TOKEN']
  if (token) {
    if (isToken(token)) return { type: 'http-01', token }
    throw new Failure(
      'token-malformed',
      `CERTBOT_TOKEN is not base64url of ${MIN_TOKEN_LENGTH} to ${MAX_TOKEN_LENGTH} characters`,
    )
  }
  const digest = environment['CERTBOT_VALIDATION']
  if (!digest)
    throw new Failure(
      'token-missing',
      'CERTBOT_TOKEN and CERTBOT_VALIDATION are not set: this program is to be called by certbot',
    )
  if (isDigest(digest)) return { type: 'dns-01', token: digest }
  throw new Failure(
    'validation-malformed',
    'CERTBOT_TOKEN is not set, as with dns-01, but CERTBOT_VALIDATION is no value of dns-01: 43 characters of base64url',
  )
}
