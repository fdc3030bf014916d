/**
 * A challenge as a client passes it to the responder, for any ACME client. It is complete and bounded, or it is
 * rejected. Hook and control socket both read it here. Pure.
 */
import { MAX_TOKEN_LENGTH } from '../wire/http/http.js'

/** The challenge types that are answered. */
export const CHALLENGE_TYPES = ['http-01', 'dns-01', 'tls-alpn-01'] as const

/** How a CA looks whether somebody controls a name (RFC 8555, 8; RFC 8737). */
export type ChallengeType = (typeof CHALLENGE_TYPES)[number]

/** What challenges of all types have. */
interface Named {
  /**
   * What the challenge is known by: base64url, {@link MIN_TOKEN_LENGTH} to {@link MAX_TOKEN_LENGTH} characters. With
   * dns-01 it is the digest, because clients do not tell their hooks the token.
   */
  readonly token: string
  /** DNS name or IP address, for people. With dns-01 and tls-alpn-01 it is also what the validator asks for. */
  readonly identifier: string
}

/** An http-01 challenge (RFC 8555, 8.3). */
export interface Http01Challenge extends Named {
  /** Older hooks, and older entries of a store, do not name it. */
  readonly type?: 'http-01' | undefined
  /** The token, a dot, and the base64url thumbprint of the account key (RFC 8555, 8.1). */
  readonly keyAuthorization: string
}

/** A dns-01 challenge (RFC 8555, 8.4). */
export interface Dns01Challenge extends Named {
  readonly type: 'dns-01'
  /** The value of the TXT record: the SHA-256 of the key authorization, base64url, 43 characters. */
  readonly digest: string
}

/** A tls-alpn-01 challenge (RFC 8737). */
export interface TlsAlpn01Challenge extends Named {
  readonly type: 'tls-alpn-01'
  /** What the certificate has: the SHA-256 of the key authorization, base64url, 43 characters. */
  readonly digest: string
}

/** A challenge of any type. */
export type Challenge = Http01Challenge | Dns01Challenge | TlsAlpn01Challenge

/** What a challenge is found by, wherever it is armed. */
export type Known = Pick<Challenge, 'type' | 'token'>

/** The challenges of one type. */
export type ChallengeOf<Type extends ChallengeType> = Extract<Challenge, { readonly type?: Type | undefined }>

/** A challenge that names its type. */
export type TypedChallenge = (Http01Challenge & { readonly type: 'http-01' }) | Dns01Challenge | TlsAlpn01Challenge

/** Returns the challenge with its type in it. */
export function withType(challenge: Challenge): TypedChallenge {
  return isOfType(challenge, 'http-01') ? { ...challenge, type: 'http-01' } : challenge
}

/** Returns the fields of a challenge, out of an object that has others too. An http-01 challenge has no type then. */
export function fieldsOf(challenge: Challenge): Challenge {
  const { token, identifier } = challenge
  return isOfType(challenge, 'http-01')
    ? { token, keyAuthorization: challenge.keyAuthorization, identifier }
    : { type: challenge.type, token, digest: challenge.digest, identifier }
}

/** Returns the type of a challenge. */
export function typeOf({ type }: Pick<Challenge, 'type'>): ChallengeType {
  return type ?? 'http-01'
}

/** Returns whether a challenge is of this type. */
export function isOfType<Type extends ChallengeType>(challenge: Challenge, type: Type): challenge is ChallengeOf<Type> {
  return typeOf(challenge) === type
}

/** RFC 8555, 8.3 requires at least 128 bits, which is 22 characters. Some test CAs use less. */
export const MIN_TOKEN_LENGTH = 16

/** A thumbprint is 43 characters (SHA-256); others may be longer. */
const MAX_THUMBPRINT_LENGTH = 128

const BASE64URL = /^[A-Za-z0-9_-]+$/

/** The length of RFC 1035. Letters of any script are allowed, in case a client does not convert them. */
const IDENTIFIER = /^[\p{L}\p{N}._:-]{1,255}$/u

/** The name of a field of a challenge. */
export type ChallengeField = 'type' | 'token' | 'keyAuthorization' | 'digest' | 'identifier'

/**
 * Reads a challenge from the fields of a client or a message. Returns the name of the first bad field when it is
 * malformed.
 */
export function readChallenge(fields: Readonly<Partial<Record<ChallengeField, unknown>>>): Challenge | ChallengeField {
  const { type, token, keyAuthorization, digest, identifier } = fields
  if (type !== undefined && !isChallengeType(type)) return 'type'
  if (!isToken(token)) return 'token'
  const isDigestsOwn = type === 'dns-01' || type === 'tls-alpn-01'
  if (!isDigestsOwn && !isKeyAuthorization(keyAuthorization, token)) return 'keyAuthorization'
  if (isDigestsOwn && !isDigest(digest)) return 'digest'
  if (type === 'dns-01' && token !== digest) return 'token'
  if (!isIdentifier(identifier)) return 'identifier'
  if (isDigestsOwn) return { type, token, digest: String(digest), identifier }
  return { token, keyAuthorization: String(keyAuthorization), identifier }
}

/** Returns whether a value is the name of a challenge type. */
export function isChallengeType(value: unknown): value is ChallengeType {
  return CHALLENGE_TYPES.some((type) => type === value)
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

/** Returns whether a value is a SHA-256 digest as base64url. */
export function isDigest(value: unknown): value is string {
  return isBase64url(value, 43, 43)
}

function isIdentifier(value: unknown): value is string {
  return typeof value === 'string' && IDENTIFIER.test(value)
}

function isBase64url(value: unknown, least: number, most: number): value is string {
  return typeof value === 'string' && value.length >= least && value.length <= most && BASE64URL.test(value)
}
