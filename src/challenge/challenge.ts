/**
 * A challenge as it is handed on from client to responder, whichever ACME client has it. Whole and bounded, or none:
 * hook and control socket read it here. Pure.
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

/** RFC 8555, 8.3 wants 128 bits at least, which is 22 characters; some test CAs are content with less. */
export const MIN_TOKEN_LENGTH = 16

/** A thumbprint is 43 characters (SHA-256); others may be longer. */
const MAX_THUMBPRINT_LENGTH = 128

const BASE64URL = /^[A-Za-z0-9_-]+$/

/** RFC 1035 length; letters of any script, should a client not convert them. */
const IDENTIFIER = /^[\p{L}\p{N}._:-]{1,255}$/u

/** Reads a challenge from what a client or a message has of it; of a malformed one the name of the first bad field. */
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

/** Whether this is a token that can be armed. */
export function isToken(value: unknown): value is string {
  return isBase64url(value, MIN_TOKEN_LENGTH, MAX_TOKEN_LENGTH)
}

/** Whether this is a key authorization of that token. */
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
