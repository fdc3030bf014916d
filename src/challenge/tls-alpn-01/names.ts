/** The name that a validator asks for by SNI: the name itself, or the reverse name of an address (RFC 8738, 6). */
import { formatAddress, parseAddress } from '../../wire/address.js'

/** Returns the name for an identifier: a DNS name in ASCII, or an address in text. It is in lower case. */
export function serverNameFor(identifier: string): string {
  if (identifier.includes(':')) return `${reversed(nibblesOf(parseAddress(identifier)))}.ip6.arpa`
  if (/^\d+(\.\d+){3}$/.test(identifier)) return `${reversed(identifier.split('.'))}.in-addr.arpa`
  return identifier.toLowerCase()
}

/** Returns the address whose reverse name this is; `undefined` for every other name. */
export function addressOf(name: string): string | undefined {
  const [, decimals, nibbles] = /^((?:\d{1,3}\.){4})in-addr\.arpa$|^((?:[\da-f]\.){32})ip6\.arpa$/i.exec(name) ?? []
  if (decimals !== undefined) return reversed(decimals.slice(0, -1).split('.'))
  if (nibbles === undefined) return undefined
  const digits = nibbles.replaceAll('.', '').split('').reverse().join('')
  return formatAddress(Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16)))
}

/** Returns the hexadecimal digits of an address, one each. */
function nibblesOf(address: Uint8Array): string[] {
  return [...address].flatMap((byte) => [...byte.toString(16).padStart(2, '0')])
}

function reversed(parts: readonly string[]): string {
  return [...parts].reverse().join('.')
}
