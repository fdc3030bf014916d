import { parseIp, read16, TCP, write16, type IpPacket } from '../wire/ip.js'
import { parseTcp, type TcpSegment } from '../wire/tcp.js'

/** A TCP segment as a packet socket shows it. */
export interface CapturedSegment {
  readonly ip: IpPacket
  /** Its payload holds what was captured, which may be less than was sent. */
  readonly segment: TcpSegment
  /** Bytes of payload on the wire: more than captured when the packet was cut. */
  readonly payloadLength: number
}

/**
 * Reads an unfragmented TCP packet that may have been cut after its headers. The checksum is not checked: the socket
 * sees a packet of this machine before the hardware fills it in. Returns `undefined` for anything else and anything
 * malformed, and never throws.
 */
export function readCaptured(bytes: Uint8Array): CapturedSegment | undefined {
  const missing = Math.max(0, lengthOf(bytes) - bytes.length)
  const ip = parseIp(missing === 0 ? bytes : shortened(bytes))
  const segment = ip && ip.protocol === TCP ? parseTcp(ip.payload) : undefined
  return ip && segment && { ip, segment, payloadLength: segment.payload.length + missing }
}

/** Returns the length in the IP header. */
function lengthOf(bytes: Uint8Array): number {
  return (bytes[0] ?? 0) >> 4 === 4 ? read16(bytes, 2) : 40 + read16(bytes, 4)
}

/** Returns a copy with the captured length in its header. */
function shortened(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice()
  if ((bytes[0] ?? 0) >> 4 === 4) write16(copy, 2, bytes.length)
  else write16(copy, 4, Math.max(0, bytes.length - 40))
  return copy
}

/** Returns a key for a client's end of a connection. */
export function clientKey(address: Uint8Array, port: number): string {
  return `${address.join()}:${port}`
}
