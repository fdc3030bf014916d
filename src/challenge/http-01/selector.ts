/** What the kernel picks out for http-01 (RFC 8555, 8.3): GET and HEAD of the challenges' path, by the token. */
import { CHALLENGE_PATH } from '../../wire/http.js'
import { KEY_LENGTH, type Selector } from '../../wire/selector.js'

/** Requests on these ports for these tokens, or for whatever token. */
export function http01Selector(ports: readonly number[], tokens: readonly string[] | 'any'): Selector {
  const texts = new Set(tokens === 'any' ? [] : tokens.map((token) => `${token} HTTP/1.`.slice(0, KEY_LENGTH)))
  const keys = [...texts].map(bytesOf)
  return {
    transport: 'tcp',
    ports,
    starts: ['GET', 'HEAD'].map((method) => ({ offset: 0, bytes: bytesOf(`${method} ${CHALLENGE_PATH}`) })),
    // What follows a token of less than 8 characters is not known for as many bytes. No CA has such: 128 bits take 22.
    keys: tokens === 'any' || keys.some(({ length }) => length < KEY_LENGTH) ? 'any' : keys,
  }
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}
