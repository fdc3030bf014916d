/** TCP segments (RFC 9293, 3.1), with the one option that a taken-over connection needs: timestamps (RFC 7323, 3.2). */
import { foldChecksum, sumWords } from './checksum.js'
import { pseudoHeaderSum, read16, read32, write16, write32, type IpEnvelope } from './ip.js'

/** The sender has no more data. */
export const FIN = 0x01
/** The segment opens a connection. */
export const SYN = 0x02
/** The connection is reset. */
export const RST = 0x04
/** The data should be handed to the application at once. */
export const PSH = 0x08
/** The acknowledgment number counts. */
export const ACK = 0x10

/** TSval and TSecr, 32 bits each, in the sender's own ticks. */
export interface Timestamps {
  readonly value: number
  readonly echo: number
}

/** A segment as a value. On parsing, `payload` is a slice of the packet's bytes. */
export interface TcpSegment {
  readonly sourcePort: number
  readonly destinationPort: number
  /** 32 bits; see sequence.ts. */
  readonly sequence: number
  /** 32 bits; means nothing without ACK. */
  readonly acknowledgment: number
  /** FIN, SYN, RST, PSH, ACK, and whatever else the low eight bits hold (URG, ECE, CWR). */
  readonly flags: number
  /** The value in the header, not scaled. */
  readonly window: number
  readonly timestamps?: Timestamps
  readonly payload: Uint8Array
}

/**
 * Reads a TCP segment:
 *
 *     0  source port, destination port           12  data offset in 32-bit words (high 4 bits), flags, window
 *     4  sequence number                         16  checksum, urgent pointer
 *     8  acknowledgment number                   20  options, then payload
 *
 * Returns `undefined` when it is shorter than its header, or has an impossible data offset or option length. The
 * checksum is not checked: see `hasValidChecksum`.
 */
export function parseTcp(bytes: Uint8Array): TcpSegment | undefined {
  const headerLength = ((bytes[12] ?? 0) >> 4) * 4
  if (headerLength < 20 || headerLength > bytes.length) return undefined
  const timestamps = findTimestamps(bytes, headerLength)
  if (timestamps === 'malformed') return undefined
  return {
    sourcePort: read16(bytes, 0),
    destinationPort: read16(bytes, 2),
    sequence: read32(bytes, 4),
    acknowledgment: read32(bytes, 8),
    flags: bytes[13] ?? 0,
    window: read16(bytes, 14),
    ...(timestamps && { timestamps }),
    payload: bytes.subarray(headerLength),
  }
}

/** Options are kind 0 (end), kind 1 (no operation), or kind, length, data; timestamps are kind 8, length 10. */
function findTimestamps(bytes: Uint8Array, end: number): Timestamps | undefined | 'malformed' {
  let found: Timestamps | undefined
  let at = 20
  while (at < end) {
    const kind = bytes[at] ?? 0
    if (kind === 0) break
    if (kind === 1) {
      at += 1
      continue
    }
    // Behind the last option byte stands payload. Whatever length it gives is past the end.
    const length = bytes[at + 1] ?? 0
    if (length < 2 || at + length > end) return 'malformed'
    if (kind === 8) {
      if (length !== 10) return 'malformed'
      found ??= { value: read32(bytes, at + 2), echo: read32(bytes, at + 6) }
    }
    at += length
  }
  return found
}

/** Returns whether the checksum of a segment's bytes is right for these addresses. */
export function hasValidChecksum(envelope: IpEnvelope, bytes: Uint8Array): boolean {
  return foldChecksum(sumWords(bytes, 0, bytes.length, pseudoHeaderSum(envelope, bytes.length))) === 0
}

/** Returns the number of bytes that `emitTcp` writes for this segment. */
export function tcpLength(segment: TcpSegment): number {
  return tcpHeaderLength(segment) + segment.payload.length
}

function tcpHeaderLength(segment: TcpSegment): 20 | 32 {
  return segment.timestamps ? 32 : 20
}

/**
 * Writes header, options, payload and checksum to the start of `into`, which must have room for `tcpLength(segment)`
 * bytes.
 */
export function emitTcp(envelope: IpEnvelope, segment: TcpSegment, into: Uint8Array): void {
  const headerLength = tcpHeaderLength(segment)
  const length = tcpLength(segment)
  into.fill(0, 0, headerLength)
  write16(into, 0, segment.sourcePort)
  write16(into, 2, segment.destinationPort)
  write32(into, 4, segment.sequence)
  write32(into, 8, segment.acknowledgment)
  into[12] = (headerLength / 4) << 4
  into[13] = segment.flags
  write16(into, 14, segment.window)
  if (segment.timestamps) {
    // Two no-operations first, so that the numbers are aligned (RFC 7323, appendix A).
    into.set([1, 1, 8, 10], 20)
    write32(into, 24, segment.timestamps.value)
    write32(into, 28, segment.timestamps.echo)
  }
  into.set(segment.payload, headerLength)
  write16(into, 16, foldChecksum(sumWords(into, 0, length, pseudoHeaderSum(envelope, length))))
}
