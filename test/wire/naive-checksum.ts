import type { IpEnvelope } from '../../src/wire/ip.js'

/**
 * A second implementation of RFC 1071, made to be obviously right rather than fast. The bytes, padded to an even
 * number, are one large number. Its remainder by 0xffff is the ones' complement sum, which is 0 only if all bytes are
 * 0, and otherwise 0xffff instead of 0.
 */
export function naiveChecksum(bytes: Uint8Array): number {
  const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  const number = BigInt(`0x0${digits}${bytes.length % 2 === 0 ? '' : '00'}`)
  const sum = number === 0n ? 0n : ((number - 1n) % 0xffffn) + 1n
  return Number(0xffffn - sum)
}

/** The checksum of a TCP segment with its pseudo-header written out, as RFC 9293, 3.1 and RFC 8200, 8.1 draw it. */
export function naiveTcpChecksum(envelope: IpEnvelope, segment: Uint8Array): number {
  return naiveTransportChecksum(envelope, segment, 6)
}

/** The same for a UDP datagram (RFC 768), before 0 becomes 0xffff. */
export function naiveUdpChecksum(envelope: IpEnvelope, datagram: Uint8Array): number {
  return naiveTransportChecksum(envelope, datagram, 17)
}

function naiveTransportChecksum({ version, source, destination }: IpEnvelope, bytes: Uint8Array, protocol: number) {
  const length = [bytes.length >>> 8, bytes.length & 0xff]
  const rest = version === 4 ? [0, protocol, ...length] : [0, 0, ...length, 0, 0, 0, protocol]
  return naiveChecksum(Uint8Array.from([...source, ...destination, ...rest, ...bytes]))
}
