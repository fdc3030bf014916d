/** Reads the challenge that certbot passes to its hooks in their environment (certbot's manual plugin). */
import { isToken, MIN_TOKEN_LENGTH, readChallenge, type Challenge } from '../../challenge/challenge.js'
import { Failure } from '../../failure.js'
import { MAX_TOKEN_LENGTH } from '../../wire/http.js'

/** The environment of a process. */
export type Environment = Readonly<Record<string, string | undefined>>

/**
 * Reads the challenge of an auth hook. @throws Failure `token-missing`, `token-malformed`, `validation-malformed`,
 * `identifier-missing`
 */
export function challengeIn(environment: Environment): Challenge {
  const identifier = environment['CERTBOT_IDENTIFIER'] || environment['CERTBOT_DOMAIN']
  const token = tokenIn(environment)
  const challenge = readChallenge({ token, keyAuthorization: environment['CERTBOT_VALIDATION'], identifier })
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

/** Reads the token alone: all that a cleanup hook needs. @throws Failure `token-missing`, `token-malformed` */
export function tokenIn(environment: Environment): string {
  const token = environment['CERTBOT_TOKEN']
  if (!token) {
    const isCertbot = environment['CERTBOT_VALIDATION'] !== undefined
    throw new Failure(
      'token-missing',
      isCertbot
        ? 'CERTBOT_TOKEN is not set: this is not an http-01 challenge (dns-01?)'
        : 'CERTBOT_TOKEN is not set: this program is to be called by certbot',
    )
  }
  if (!isToken(token))
    throw new Failure(
      'token-malformed',
      `CERTBOT_TOKEN is not base64url of ${MIN_TOKEN_LENGTH} to ${MAX_TOKEN_LENGTH} characters`,
    )
  return token
}
