/** What certbot tells its hooks in their environment (certbot's manual plugin; RFC 8555, 8.3). */
import { Failure } from '../../failure.js'
import { MAX_TOKEN_LENGTH } from '../../wire/http.js'

export interface Challenge {
  readonly token: string
  readonly keyAuthorization: string
  /** DNS name or IP address. */
  readonly identifier: string
}

export type Environment = Readonly<Record<string, string | undefined>>

/** RFC 8555, 8.3 wants 128 bits at least, which is 22 characters; some test CAs are content with less. */
const MIN_TOKEN_LENGTH = 16

/** A thumbprint is 43 characters (SHA-256); others may be longer. */
const MAX_THUMBPRINT_LENGTH = 128

const BASE64URL = /^[A-Za-z0-9_-]+$/

/**
 * Reads the challenge of an auth hook. @throws Failure `token-missing`, `token-malformed`, `validation-malformed`,
 * `identifier-missing`
 */
export function readChallenge(environment: Environment): Challenge {
  const token = readToken(environment)
  const keyAuthorization = environment['CERTBOT_VALIDATION'] ?? ''
  const thumbprint = keyAuthorization.slice(token.length + 1)
  const isWhole =
    keyAuthorization.startsWith(`${token}.`) && BASE64URL.test(thumbprint) && thumbprint.length <= MAX_THUMBPRINT_LENGTH
  if (!isWhole)
    throw new Failure(
      'validation-malformed',
      'CERTBOT_VALIDATION is not CERTBOT_TOKEN, a dot and a base64url thumbprint',
    )
  const identifier = environment['CERTBOT_IDENTIFIER'] || environment['CERTBOT_DOMAIN']
  if (!identifier) throw new Failure('identifier-missing', 'neither CERTBOT_IDENTIFIER nor CERTBOT_DOMAIN is set')
  if (!IDENTIFIER.test(identifier))
    throw new Failure('identifier-missing', 'CERTBOT_IDENTIFIER or CERTBOT_DOMAIN is no domain name or IP address')
  return { token, keyAuthorization, identifier }
}

/** RFC 1035 length; letters of any script, should a client not convert them. */
const IDENTIFIER = /^[\p{L}\p{N}._:-]{1,255}$/u

/** Reads the token alone: all that a cleanup hook needs. @throws Failure `token-missing`, `token-malformed` */
export function readToken(environment: Environment): string {
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
  const isSane = BASE64URL.test(token) && token.length >= MIN_TOKEN_LENGTH && token.length <= MAX_TOKEN_LENGTH
  if (!isSane)
    throw new Failure(
      'token-malformed',
      `CERTBOT_TOKEN is not base64url of ${MIN_TOKEN_LENGTH} to ${MAX_TOKEN_LENGTH} characters`,
    )
  return token
}
