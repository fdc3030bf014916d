import { parseIp, read16, TCP, UDP, write16, type IpPacket } from '../wire/ip.js'
import { parseTcp, type TcpSegment } from '../wire/tcp.js'
import type { Datagram } from '../wire/udp.js'

/** A TCP segment as a packet socket shows it. */
export interface CapturedSegment {
  readonly ip: IpPacket
  /** Its payload holds what was captured, which may be less than was sent. */
  readonly segment: TcpSegment
  /** Bytes of payload on the wire: more than captured when the packet was cut. */
  readonly payloadLength: number
}

/** A datagram as a packet socket shows it. */
export interface CapturedDatagram {
  readonly ip: IpPacket
  /** Its payload holds what was captured, which may be less than was sent. */
  readonly datagram: Datagram
}

/**
 * Reads a packet with an unfragmented TCP segment, or with a datagram or the first fragment of one. It may have been
 * cut after its headers. Checksums are not checked: the socket sees a packet of this machine before the hardware fills
 * them in. Returns `undefined` for anything else and anything malformed, and never throws.
 */
export function readCaptured(bytes: Uint8Array): CapturedSegment | CapturedDatagram | undefined {
  const isFragment = isFirstFragment(bytes)
  const missing = Math.max(0, lengthOf(bytes) - bytes.length)
  const ip = parseIp(missing === 0 && !isFragment ? bytes : mended(bytes, isFragment))
  if (ip?.protocol === UDP) return readDatagram(ip)
  const segment = ip?.protocol === TCP ? parseTcp(ip.payload) : undefined
  return ip && segment && { ip, segment, payloadLength: segment.payload.length + missing }
}

/** Returns whether the packet begins a datagram of IPv4 that goes on in others. DNS is read from its first bytes. */
function isFirstFragment(bytes: Uint8Array): boolean {
  return (bytes[0] ?? 0) >> 4 === 4 && bytes[9] === UDP && (read16(bytes, 6) & 0x3fff) === MORE_FRAGMENTS
}

/** Returns the length in the IP header. */
function lengthOf(bytes: Uint8Array): number {
  return (bytes[0] ?? 0) >> 4 === 4 ? read16(bytes, 2) : 40 + read16(bytes, 4)
}

/** Returns a copy with the captured length in its header, and of a fragment as if nothing followed it. */
function mended(bytes: Uint8Array, isFragment: boolean): Uint8Array {
  const copy = Uint8Array.from(bytes)
  if ((bytes[0] ?? 0) >> 4 === 4) write16(copy, 2, Math.min(lengthOf(bytes), bytes.length))
  else write16(copy, 4, Math.max(0, bytes.length - 40))
  if (isFragment) write16(copy, 6, 0)
  return copy
}

function readDatagram(ip: IpPacket): CapturedDatagram | undefined {
  const { payload: udp } = ip
  if (udp.length < UDP_HEADER || read16(udp, 4) < UDP_HEADER) return undefined
  const payload = udp.subarray(UDP_HEADER, read16(udp, 4))
  return { ip, datagram: { sourcePort: read16(udp, 0), destinationPort: read16(udp, 2), payload } }
}

const MORE_FRAGMENTS = 0x2000
/** Ports, length, checksum (RFC 768). */
const UDP_HEADER = 8

/** Returns a key for a client's end of a connection. */
export function clientKey(address: Uint8Array, port: number): string {
  return `${address.join()}:${port}`
}
