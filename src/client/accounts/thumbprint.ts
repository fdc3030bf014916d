/** The thumbprint of an account's key (RFC 7638), from the text of the file that the key is kept in. */
import { createHash, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { Failure } from '../../failure.js'

/**
 * The members of a public key that its thumbprint is made of, in their order: RFC 7638, 3.2 and RFC 8037, 2. No other
 * kind of key is an account's anywhere.
 */
const MEMBERS: Readonly<Record<string, readonly (keyof JsonWebKey)[]>> = {
  RSA: ['e', 'kty', 'n'],
  EC: ['crv', 'kty', 'x', 'y'],
  OKP: ['crv', 'kty', 'x'],
}

const CURVES: readonly unknown[] = ['P-256', 'P-384', 'P-521', 'Ed25519']

/**
 * Returns the thumbprint of a key as certbot writes it (JSON Web Key) or as the others do (PEM). `path` is for the
 * message. A message never has anything of the key in it.
 * @throws Failure `account-unreadable`, `account-key-unknown`
 */
export function thumbprintOf(text: string, path: string): string {
  const publicKey = exported(keyIn(text, path))
  const members = MEMBERS[publicKey?.kty ?? '']
  if (!publicKey || !members || (publicKey.crv !== undefined && !CURVES.includes(publicKey.crv)))
    throw new Failure('account-key-unknown', `${path} has a key that is neither RSA, P-256, P-384, P-521 nor Ed25519`)
  const json = JSON.stringify(Object.fromEntries(members.map((member) => [member, publicKey[member]])))
  return createHash('sha256').update(json).digest('base64url')
}

/** Returns the public key. The errors of JSON and of OpenSSL are not passed on: JSON's quote what they have read. */
function keyIn(text: string, path: string): KeyObject {
  try {
    return text.trimStart().startsWith('{')
      ? createPublicKey({ key: publicPart(JSON.parse(text)), format: 'jwk' })
      : createPublicKey(text)
  } catch {
    const why = /ENCRYPTED/.test(text) ? 'the key in it is encrypted' : 'it holds no key that can be read'
    throw new Failure('account-unreadable', `cannot read ${path}: ${why}`)
  }
}

/** Returns the public members, as text, so that no private one goes any further. */
function publicPart(value: unknown): JsonWebKey {
  const key = value as Readonly<Record<string, unknown>>
  const names = [...new Set(Object.values(MEMBERS).flat())]
  return Object.fromEntries(names.flatMap((name) => (typeof key[name] === 'string' ? [[name, key[name]]] : [])))
}

/** Returns the key as OpenSSL writes it: without superfluous zeros, which some writers leave. */
function exported(key: KeyObject): JsonWebKey | undefined {
  try {
    return key.export({ format: 'jwk' })
  } catch {
    return undefined
  }
}
