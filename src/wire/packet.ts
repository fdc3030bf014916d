/** Whole packets: an IP header with a TCP segment in it. */
import { emitIp, ipHeaderLength, parseIp, resizeIp, TCP, type IpEnvelope, type IpPacket } from './ip.js'
import { emitTcp, hasValidChecksum, parseTcp, RST, tcpLength, type TcpSegment } from './tcp.js'

/** An IP packet and the TCP segment in it. */
export interface TcpPacket {
  readonly ip: IpPacket
  readonly segment: TcpSegment
}

/**
 * Reads an unfragmented TCP packet. Returns `undefined` for anything else, for anything malformed, and for a wrong TCP
 * checksum. Never throws.
 */
export function parsePacket(bytes: Uint8Array): TcpPacket | undefined {
  const ip = parseIp(bytes)
  if (!ip || ip.protocol !== TCP) return undefined
  const segment = parseTcp(ip.payload)
  if (!segment || !hasValidChecksum(ip, ip.payload)) return undefined
  return { ip, segment }
}

/** Returns the bytes of a packet of our own. */
export function emitPacket(envelope: IpEnvelope, segment: TcpSegment): Uint8Array {
  const headerLength = ipHeaderLength(envelope.version)
  const bytes = new Uint8Array(headerLength + tcpLength(segment))
  emitIp(envelope, tcpLength(segment), bytes)
  emitTcp(envelope, segment, bytes.subarray(headerLength))
  return bytes
}

/**
 * Returns the packet turned into a bare RST of the same connection at `sequence`: no payload, no ACK, no TCP options.
 * RFC 7323, 3.2 exempts RST from timestamps. The IP header stays as it came, except for its length.
 */
export function turnIntoReset(bytes: Uint8Array, packet: TcpPacket, sequence: number): Uint8Array {
  const { ip, segment } = packet
  const reset: TcpSegment = {
    sourcePort: segment.sourcePort,
    destinationPort: segment.destinationPort,
    sequence,
    acknowledgment: 0,
    flags: RST,
    window: 0,
    payload: new Uint8Array(0),
  }
  const result = bytes.slice(0, ip.headerLength + tcpLength(reset))
  resizeIp(result, ip, tcpLength(reset))
  emitTcp(ip, reset, result.subarray(ip.headerLength))
  return result
}
