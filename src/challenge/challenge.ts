/**
 * A challenge as a client passes it to the responder, for any ACME client. It is complete and bounded, or it is
 * rejected. Hook and control socket both read it here. Pure.
 */
import { MAX_TOKEN_LENGTH } from '../wire/http.js'

/** An http-01 challenge (RFC 8555, 8.3). */
export interface Challenge {
  /** base64url, {@link MIN_TOKEN_LENGTH} to {@link MAX_TOKEN_LENGTH} characters. */
  readonly token: string
  /** The token, a dot, and the base64url thumbprint of the account key (RFC 8555, 8.1). */
  readonly keyAuthorization: string
  /** DNS name or IP address, for people. */
  readonly identifier: string
}

/** RFC 8555, 8.3 requires at least 128 bits, which is 22 characters. Some test CAs use less. */
export const MIN_TOKEN_LENGTH = 16

/** A thumbprint is 43 characters (SHA-256); others may be longer. */
const MAX_THUMBPRINT_LENGTH = 128

const BASE64URL = /^[A-Za-z0-9_-]+$/

/** The length of RFC 1035. Letters of any script are allowed, in case a client does not convert them. */
const IDENTIFIER = /^[\p{L}\p{N}._:-]{1,255}$/u

/**
 * Reads a challenge from the fields of a client or a message. Returns the name of the first bad field when it is
 * malformed.
 */
export function readChallenge({
  token,
  keyAuthorization,
  identifier,
}: Readonly<Partial<Record<keyof Challenge, unknown>>>): Challenge | keyof Challenge {
  if (!isToken(token)) return 'token'
  if (!isKeyAuthorization(keyAuthorization, token)) return 'keyAuthorization'
  if (typeof identifier !== 'string' || !IDENTIFIER.test(identifier)) return 'identifier'
  return { token, keyAuthorization, identifier }
}

/** Returns whether a value is a token that can be armed. */
export function isToken(value: unknown): value is string {
  return isBase64url(value, MIN_TOKEN_LENGTH, MAX_TOKEN_LENGTH)
}

/** Returns whether a value is a key authorization of the token. */
export function isKeyAuthorization(value: unknown, token: string): value is string {
  return (
    typeof value === 'string' &&
    value.startsWith(`${token}.`) &&
    isBase64url(value.slice(token.length + 1), 1, MAX_THUMBPRINT_LENGTH)
  )
}

function isBase64url(value: unknown, least: number, most: number): value is string {
  return typeof value === 'string' && value.length >= least && value.length <= most && BASE64URL.test(value)
}
