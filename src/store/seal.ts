/**
 * Seals what is written to the store, and opens what is read from it. Whoever can write to the store but does not have
 * the secret cannot make a seal. A seal covers the very bytes of the content, what kind of thing it is, and the name
 * that it is stored under. So nothing has to be brought into a canonical form, and nothing sealed can pass for another
 * thing.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'

/** What is sealed: a challenge or its withdrawal, what a node tells of itself, who asked a node for a challenge. */
export type SealedKind = 'entry' | 'node' | 'visits'

/** Why something does not open: it is not what we write, or it was sealed with another secret or not at all. */
export type SealFault = 'malformed' | 'unsealed'

/** The version of the form, the content, and the MAC (HMAC-SHA-256), the last two in base64url. */
const FORM = /^1\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{43})$/

/** Longest sealed text that is read. A node's record names up to 1,000 challenges. */
const MAX_SEALED = 128 * 1024

/** Returns the sealed text of a value that JSON can hold. */
export function seal(kind: SealedKind, name: string, value: object, secret: Uint8Array): string {
  const content = Buffer.from(JSON.stringify(value)).toString('base64url')
  return `1.${content}.${macOf(kind, name, content, secret).toString('base64url')}`
}

/** Returns the value that was sealed for this kind and name, which is still to be checked; or why it does not open. */
export function open(
  kind: SealedKind,
  name: string,
  sealed: string,
  secret: Uint8Array,
): { readonly value: unknown } | SealFault {
  const [, content, mac] = (sealed.length <= MAX_SEALED && FORM.exec(sealed)) || []
  if (content === undefined || mac === undefined) return 'malformed'
  if (!timingSafeEqual(macOf(kind, name, content, secret), Buffer.from(mac, 'base64url'))) return 'unsealed'
  try {
    return { value: JSON.parse(Buffer.from(content, 'base64url').toString()) as unknown }
  } catch {
    return 'malformed'
  }
}

/** The parts are separated by line ends, which none of them but a forged name can contain: it is written as JSON. */
function macOf(kind: SealedKind, name: string, content: string, secret: Uint8Array): Buffer {
  return createHmac('sha256', secret)
    .update(`certbot-nfq store 1\n${kind}\n${JSON.stringify(name)}\n${content}`)
    .digest()
}
