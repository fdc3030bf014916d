/**
 * IPv4 (RFC 791) and IPv6 (RFC 8200) headers, as far as TCP and UDP need them. A malformed header gives `undefined`,
 * never an exception.
 */
import { foldChecksum, sumWords } from './checksum.js'

/** The protocol number of TCP (RFC 9293). */
export const TCP = 6

/** The protocol number of UDP (RFC 768). */
export const UDP = 17

/** The version of an address or packet. */
export type IpVersion = 4 | 6

/** A view on a received packet; `source`, `destination` and `payload` are slices of its bytes, not copies. */
export interface IpPacket {
  readonly version: IpVersion
  /** 4 or 16 bytes. */
  readonly source: Uint8Array
  readonly destination: Uint8Array
  /**
   * IPv4 protocol, or IPv6 next header. Extension headers are not walked, so a TCP segment or a datagram behind one
   * does not count as such.
   */
  readonly protocol: number
  /** 20 to 60 bytes for IPv4, 40 for IPv6. */
  readonly headerLength: number
  readonly payload: Uint8Array
}

/**
 * What a caller gives to write a header. The rest is always the same: hop limit 64, no options. With TCP it says "don't
 * fragment". With UDP it does not: a sender without a connection learns of no link on the way that is too small. The
 * raw socket writes the identification then, which is 0 here (raw(7)).
 */
export interface IpEnvelope {
  readonly version: IpVersion
  readonly source: Uint8Array
  readonly destination: Uint8Array
}

/**
 * Reads an IP packet. Returns `undefined` when it is truncated, has impossible lengths, is neither version, or is a
 * fragment. Bytes past the end count as 0, so a header that is cut off has an impossible length. Where connection
 * tracking runs, netfilter joins fragments before our hooks. The checksum of the IPv4 header is not checked, because
 * the kernel has done that before any hook sees the packet.
 */
export function parseIp(bytes: Uint8Array): IpPacket | undefined {
  const version = (bytes[0] ?? 0) >> 4
  if (version === 4) return parseIpv4(bytes)
  if (version === 6) return parseIpv6(bytes)
  return undefined
}

/**
 *     0  version 4, header length in 32-bit words      8  time to live, protocol, header checksum
 *     2  total length, both parts                     12  source
 *     4  identification, flags, fragment offset       16  destination, then options
 */
function parseIpv4(bytes: Uint8Array): IpPacket | undefined {
  const headerLength = ((bytes[0] ?? 0) & 0x0f) * 4
  const totalLength = read16(bytes, 2)
  if (headerLength < 20 || totalLength < headerLength || totalLength > bytes.length) return undefined
  const isFragment = (read16(bytes, 6) & 0x3fff) !== 0
  if (isFragment) return undefined
  return {
    version: 4,
    source: bytes.subarray(12, 16),
    destination: bytes.subarray(16, 20),
    protocol: bytes[9] ?? 0,
    headerLength,
    payload: bytes.subarray(headerLength, totalLength),
  }
}

/**
 *     0  version 6, traffic class, flow label          8  source
 *     4  payload length, next header, hop limit       24  destination
 */
function parseIpv6(bytes: Uint8Array): IpPacket | undefined {
  const totalLength = 40 + read16(bytes, 4)
  if (totalLength > bytes.length) return undefined
  return {
    version: 6,
    source: bytes.subarray(8, 24),
    destination: bytes.subarray(24, 40),
    protocol: bytes[6] ?? 0,
    headerLength: 40,
    payload: bytes.subarray(40, totalLength),
  }
}

/** Returns the length in bytes of the header that `emitIp` writes. */
export function ipHeaderLength(version: IpVersion): 20 | 40 {
  return version === 4 ? 20 : 40
}

/** Writes a header for a payload of `payloadLength` bytes at the start of `into`, which must have room for it. */
export function emitIp(
  envelope: IpEnvelope,
  payloadLength: number,
  into: Uint8Array,
  protocol: typeof TCP | typeof UDP = TCP,
): void {
  const length = ipHeaderLength(envelope.version)
  into.fill(0, 0, length)
  if (envelope.version === 4) {
    into[0] = 0x45
    write16(into, 2, 20 + payloadLength)
    into[6] = protocol === TCP ? 0x40 : 0
    into[8] = 64
    into[9] = protocol
    into.set(envelope.source, 12)
    into.set(envelope.destination, 16)
    write16(into, 10, foldChecksum(sumWords(into, 0, 20)))
  } else {
    into[0] = 0x60
    write16(into, 4, payloadLength)
    into[6] = protocol
    into[7] = 64
    into.set(envelope.source, 8)
    into.set(envelope.destination, 24)
  }
}

/**
 * Rewrites the length fields (and the IPv4 checksum) of a copied header for a new payload length; options and all else
 * stay.
 */
export function resizeIp(bytes: Uint8Array, packet: IpPacket, payloadLength: number): void {
  if (packet.version === 6) {
    write16(bytes, 4, payloadLength)
    return
  }
  write16(bytes, 2, packet.headerLength + payloadLength)
  write16(bytes, 10, 0)
  write16(bytes, 10, foldChecksum(sumWords(bytes, 0, packet.headerLength)))
}

/**
 * Returns the unfolded sum of the pseudo-header (RFC 9293, 3.1; RFC 768; RFC 8200, 8.1) for a segment or datagram of
 * `length` bytes.
 */
export function pseudoHeaderSum(envelope: IpEnvelope, length: number, protocol: typeof TCP | typeof UDP = TCP): number {
  const { source, destination } = envelope
  return sumWords(destination, 0, destination.length, sumWords(source, 0, source.length, protocol + length))
}

/** Returns the big-endian 16-bit number at `at`. Bytes past the end count as 0. */
export function read16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
}

/** Returns the big-endian 32-bit number at `at`, unsigned. */
export function read32(bytes: Uint8Array, at: number): number {
  return ((read16(bytes, at) << 16) | read16(bytes, at + 2)) >>> 0
}

/** Writes a big-endian 16-bit number. */
export function write16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8
  bytes[at + 1] = value
}

/** Writes a big-endian 32-bit number. */
export function write32(bytes: Uint8Array, at: number, value: number): void {
  write16(bytes, at, value >>> 16)
  write16(bytes, at + 2, value & 0xffff)
}
