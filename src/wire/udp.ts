/** UDP datagrams (RFC 768) in IP packets. */
import { foldChecksum, sumWords } from './checksum.js'
import {
  emitIp,
  ipHeaderLength,
  parseIp,
  pseudoHeaderSum,
  read16,
  UDP,
  write16,
  type IpEnvelope,
  type IpPacket,
} from './ip.js'

/** A datagram as a value. On parsing, `payload` is a slice of the packet's bytes. */
export interface Datagram {
  readonly sourcePort: number
  readonly destinationPort: number
  readonly payload: Uint8Array
}

/** An IP packet and the datagram in it. */
export interface UdpPacket {
  readonly ip: IpPacket
  readonly datagram: Datagram
}

const HEADER_LENGTH = 8

/**
 * Reads an unfragmented UDP packet:
 *
 *     0  source port, destination port     4  length, checksum
 *
 * Returns `undefined` for anything else, for a length that is not that of the packet, and for a wrong checksum. With
 * IPv4 a datagram may have none, which is 0. Never throws.
 */
export function parseUdpPacket(bytes: Uint8Array): UdpPacket | undefined {
  const ip = parseIp(bytes)
  if (!ip || ip.protocol !== UDP) return undefined
  const { payload: udp } = ip
  if (udp.length < HEADER_LENGTH || read16(udp, 4) !== udp.length || !isIntact(ip, udp)) return undefined
  return {
    ip,
    datagram: {
      sourcePort: read16(udp, 0),
      destinationPort: read16(udp, 2),
      payload: udp.subarray(HEADER_LENGTH),
    },
  }
}

function isIntact(ip: IpPacket, udp: Uint8Array): boolean {
  return hasChecksum(udp) ? foldChecksum(sumOf(ip, udp)) === 0 : ip.version === 4
}

/** Returns the bytes of a packet of our own, with a checksum. */
export function emitUdpPacket(envelope: IpEnvelope, { sourcePort, destinationPort, payload }: Datagram): Uint8Array {
  const headerLength = ipHeaderLength(envelope.version)
  const bytes = new Uint8Array(headerLength + HEADER_LENGTH + payload.length)
  const udp = bytes.subarray(headerLength)
  emitIp(envelope, udp.length, bytes, UDP)
  write16(udp, 0, sourcePort)
  write16(udp, 2, destinationPort)
  write16(udp, 4, udp.length)
  udp.set(payload, HEADER_LENGTH)
  writeChecksum(envelope, udp)
  return bytes
}

/**
 * Returns the same packet with another payload of the same length. A packet without a checksum stays without; all else
 * stays too.
 */
export function replacePayload(bytes: Uint8Array, { ip, datagram }: UdpPacket, payload: Uint8Array): Uint8Array {
  if (payload.length !== datagram.payload.length) throw new RangeError('the payload is of another length')
  // The `slice` of a Buffer does not copy.
  const result = Uint8Array.from(bytes)
  const udp = result.subarray(ip.headerLength, ip.headerLength + ip.payload.length)
  udp.set(payload, HEADER_LENGTH)
  if (hasChecksum(udp)) writeChecksum(ip, udp)
  return result
}

/** Writes the checksum. One of 0 is written as its other form, all ones (RFC 768). */
function writeChecksum(envelope: IpEnvelope, udp: Uint8Array): void {
  write16(udp, 6, 0)
  write16(udp, 6, foldChecksum(sumOf(envelope, udp)) || 0xffff)
}

function hasChecksum(udp: Uint8Array): boolean {
  return read16(udp, 6) !== 0
}

function sumOf(envelope: IpEnvelope, udp: Uint8Array): number {
  return sumWords(udp, 0, udp.length, pseudoHeaderSum(envelope, udp.length, UDP))
}
