/**
 * The part of HTTP/1.1 (RFC 9112) that an http-01 validation uses (RFC 8555, 8.3): the request line, the end of the
 * head, and the reply.
 */

/** The path of challenges (RFC 8555, 8.3). The token follows. */
export const CHALLENGE_PATH = '/.well-known/acme-challenge/'

/** Longest token we arm or look for. Let's Encrypt's have 43 characters. */
export const MAX_TOKEN_LENGTH = 128

/** No challenge request line is longer than this, in bytes, line end included. */
export const MAX_REQUEST_LINE = `HEAD ${CHALLENGE_PATH} HTTP/1.1\r\n`.length + MAX_TOKEN_LENGTH

/** The methods that a challenge may be asked for by. */
export type Method = 'GET' | 'HEAD'

/** A whole request line for a challenge. */
export interface ChallengeRequest {
  readonly method: Method
  readonly token: string
}

/**
 * Reads the first bytes of a request: a challenge's complete request line, `partial` while they may still become one,
 * `other` once they cannot.
 *
 * The line is exact: `GET` or `HEAD`, one space, the path, a base64url token, one space, `HTTP/1.0` or `HTTP/1.1`, and
 * CRLF or LF (RFC 9112, 2.2).
 */
export function readRequestLine(bytes: Uint8Array): ChallengeRequest | 'partial' | 'other' {
  const method = bytes[0] === GET_START ? 'GET' : 'HEAD'
  const start = `${method} ${CHALLENGE_PATH}`
  if (!matches(bytes, 0, start)) return 'other'
  let end = start.length
  while (isTokenByte(bytes[end])) end++
  const tokenLength = end - start.length
  if (tokenLength > MAX_TOKEN_LENGTH) return 'other'
  if (end >= bytes.length) return 'partial'
  if (tokenLength === 0 || !matches(bytes, end, ' HTTP/1.')) return 'other'
  return readLineEnd(bytes, end + ' HTTP/1.'.length) ?? { method, token: latin1(bytes.subarray(start.length, end)) }
}

function readLineEnd(bytes: Uint8Array, at: number): 'partial' | 'other' | undefined {
  const [minor, next, last] = bytes.subarray(at)
  if (minor === undefined) return 'partial'
  if (minor !== 0x30 && minor !== 0x31) return 'other'
  if (next === undefined) return 'partial'
  if (next === LF) return undefined
  if (next !== CR) return 'other'
  if (last === undefined) return 'partial'
  return last === LF ? undefined : 'other'
}

/** Returns whether `text` stands at `at`, as far as there are bytes. */
function matches(bytes: Uint8Array, at: number, text: string): boolean {
  const length = Math.min(text.length, bytes.length - at)
  for (let i = 0; i < length; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false
  return true
}

/** base64url without padding (RFC 4648, 5). */
function isTokenByte(byte = 0): boolean {
  return (
    (byte >= 0x41 && byte <= 0x5a) ||
    (byte >= 0x61 && byte <= 0x7a) ||
    (byte >= 0x30 && byte <= 0x39) ||
    byte === 0x2d ||
    byte === 0x5f
  )
}

const GET_START = 0x47
const CR = 0x0d
const LF = 0x0a

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes)
}

/** Finds the blank line that ends a request head in a stream given in pieces. Keeps two booleans, not the bytes. */
export class HeadEnd {
  /** True once the blank line has been seen. */
  isFound = false
  #isLineEmpty = false

  /** Takes the next bytes of the stream. */
  feed(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (this.isFound) return
      if (byte === LF) {
        this.isFound = this.#isLineEmpty
        this.#isLineEmpty = true
      } else if (byte !== CR) {
        this.#isLineEmpty = false
      }
    }
  }
}

/**
 * Returns the reply to a challenge request: status 200, and a body that is exactly the key authorization (RFC 8555,
 * 8.3). HEAD has no body. It is below 400 bytes for any key authorization that we accept, so it fits the smallest
 * segment that a path may ask for (536).
 */
export function formatReply(method: Method, keyAuthorization: string): Uint8Array {
  const head =
    'HTTP/1.1 200 OK\r\n' +
    'Content-Type: application/octet-stream\r\n' +
    `Content-Length: ${keyAuthorization.length}\r\n` +
    'Connection: close\r\n\r\n'
  const text = method === 'HEAD' ? head : head + keyAuthorization
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}
