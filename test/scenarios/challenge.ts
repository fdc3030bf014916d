/** Challenges as certbot passes them, and what is sent over the wire for them. */
import { createHash } from 'node:crypto'

/** One challenge; see RFC 8555, 8.3. */
export interface Challenge {
  /** 43 characters of base64url, as Let's Encrypt's are. */
  readonly token: string
  readonly keyAuthorization: string
  readonly path: string
  /** A request as Boulder sends it. */
  readonly request: string
  /** The whole reply, a character for a byte. */
  readonly reply: string
}

const thumbprint = createHash('sha256').update('account key').digest('base64url')

/** A challenge of its own for each name. */
export function challengeFor(name: string): Challenge {
  const token = createHash('sha256').update(name).digest('base64url')
  const keyAuthorization = `${token}.${thumbprint}`
  const path = `/.well-known/acme-challenge/${token}`
  return {
    token,
    keyAuthorization,
    path,
    request: requestFor('GET', path),
    reply: replyTo(keyAuthorization, keyAuthorization),
  }
}

/** A request with Boulder's header fields. */
export function requestFor(method: string, path: string, close = true): string {
  const fields = [
    'Host: example.com',
    "User-Agent: Mozilla/5.0 (compatible; Let's Encrypt validation server)",
    'Accept: */*',
    'Accept-Encoding: gzip',
  ]
  return [`${method} ${path} HTTP/1.1`, ...fields, ...(close ? ['Connection: close'] : []), '', ''].join('\r\n')
}

/** The reply to HEAD: that to GET without its body. */
export function replyToHead({ keyAuthorization }: Challenge): string {
  return replyTo(keyAuthorization, '')
}

function replyTo(keyAuthorization: string, body: string): string {
  return [
    'HTTP/1.1 200 OK',
    'Content-Type: application/octet-stream',
    `Content-Length: ${keyAuthorization.length}`,
    'Connection: close',
    '',
    body,
  ].join('\r\n')
}
