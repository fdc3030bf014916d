/** The selector of http-01 (RFC 8555, 8.3): GET and HEAD of the challenge path, with the token as key. */
import { CHALLENGE_PATH } from '../../wire/http/http.js'
import { KEY_LENGTH, type Selector } from '../../wire/selector.js'

/**
 * Returns a selector for requests on these ports for these tokens. A key is what follows the path in the request line,
 * the first {@link KEY_LENGTH} bytes of it: a token, and ` HTTP/1.` if the token is shorter. With `wantsOthers` all
 * other tokens are wanted too, within limits.
 */
export function http01Selector(ports: readonly number[], tokens: readonly string[], wantsOthers = false): Selector {
  const texts = new Set(tokens.map((token) => `${token} HTTP/1.`.slice(0, KEY_LENGTH)))
  const keys = [...texts].map(bytesOf)
  return {
    transport: 'tcp',
    ports,
    starts: ['GET', 'HEAD'].map((method) => ({ offset: 0, bytes: bytesOf(`${method} ${CHALLENGE_PATH}`) })),
    // A token of less than 8 characters gives no whole key, and then any token is queued. A token has at least 128 bits
    // of entropy (RFC 8555, 8.3), which takes 22 characters, so no CA sends one that short.
    keys: keys.some(({ length }) => length < KEY_LENGTH) ? 'any' : keys,
    ...(wantsOthers && { wantsOthers }),
  }
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}
