/**
 * What a stream asks for by tls-alpn-01, read byte by byte from RFC 8446, 4.1.2 and 5.1, RFC 7301, 3.1 and RFC 6066, 3.
 * It is written without a look at src/wire/tls/tls-hello.ts, and stops by exceptions, which that may not.
 */

class Ended extends Error {}
class Wrong extends Error {}

/** Returns the name in lower case; `other` for what is not for us, `partial` while that may still change. */
export function modelOfHello(stream: Uint8Array): { readonly key: string } | 'partial' | 'other' {
  try {
    const bytes = handshakeBytes(stream)
    const one = () => {
      const { value } = bytes.next()
      if (typeof value !== 'number') throw new Ended()
      return value
    }
    if (one() !== 1) return 'other'
    return readHello(one)
  } catch (thrown) {
    if (thrown instanceof Ended) return stream.length >= 16_384 ? 'other' : 'partial'
    if (thrown instanceof Wrong) return 'other'
    throw thrown
  }
}

function* handshakeBytes(stream: Uint8Array): Generator<number, undefined> {
  let at = 0
  const head = (allowed: (byte: number) => boolean) => {
    const byte = stream[at++]
    if (byte === undefined) throw new Ended()
    if (!allowed(byte)) throw new Wrong()
    return byte
  }
  for (;;) {
    head((byte) => byte === 22)
    head((byte) => byte === 3)
    head((byte) => byte <= 4)
    const length = 256 * head(() => true) + head(() => true)
    if (length === 0 || length > 16_384) throw new Wrong()
    for (let left = length; left > 0; left--) {
      const byte = stream[at++]
      if (byte === undefined) throw new Ended()
      yield byte
    }
  }
}

function readHello(one: () => number): { readonly key: string } | 'other' {
  let left = Infinity
  const take = (count: number) => {
    left -= count
    if (left < 0) throw new Wrong()
    return Array.from({ length: count }, () => one())
  }
  const number = (size: number) => take(size).reduce((sum, byte) => sum * 256 + byte, 0)
  left = number(3)
  if (left + 9 > 16_384 || left < 34) throw new Wrong()
  if (take(34)[0] !== 3) throw new Wrong()
  for (const size of [1, 2, 1]) take(number(size))
  if (left === 0) return 'other'
  if (number(2) !== left) throw new Wrong()
  const found = new Map<number, number[]>()
  while (left > 0) {
    const type = number(2)
    const contents = take(number(2))
    if ((type === 0 || type === 16) && found.has(type)) throw new Wrong()
    found.set(type, contents)
  }
  const [names, protocols] = [found.get(0), found.get(16)]
  const isOurs = protocols && Buffer.from(protocols).equals(Buffer.from('\0\x0b\x0aacme-tls/1', 'latin1'))
  if (!names || !isOurs) return 'other'
  const text = Buffer.from(names).toString('latin1')
  const [, list = '', size = '', name = ''] = /^([^]{2})\0([^]{2})([^]+)$/.exec(text) ?? []
  const isFramed = unsigned(list) === name.length + 3 && unsigned(size) === name.length
  return isFramed && /^[\w.-]{1,253}$/.test(name) ? { key: name.toLowerCase() } : 'other'
}

function unsigned(text: string): number {
  return text.length === 2 ? text.charCodeAt(0) * 256 + text.charCodeAt(1) : NaN
}
