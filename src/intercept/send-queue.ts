/**
 * The sending half of a TCP connection (RFC 9293, 3.7 and 3.8): bytes and a FIN, cut into segments, repeated until
 * acknowledged. Sequence numbers are those of RFC 9293, 3.3.1; `max` is the highest SND.NXT there has been.
 */
import { seqAdd, seqBefore, seqDiff } from '../wire/sequence.js'
import { ACK, FIN, PSH } from '../wire/tcp.js'
import type { Limits } from './limits.js'

/** A piece of the stream on its way. `flags` has PSH at the end of what there is, and FIN with the last byte. */
export interface Chunk {
  readonly sequence: number
  readonly payload: Uint8Array
  readonly flags: number
}

/**
 * The first number of segments in flight (RFC 6928, 2), and the most bytes in flight: the largest window without
 * scaling.
 */
const INITIAL_SEGMENTS = 10
const MAX_IN_FLIGHT = 0xffff

/** The largest window with scaling (RFC 7323, 2.3). */
const LARGEST_WINDOW = 2 ** 30

/** Cuts what is sent into segments, and repeats them until they are acknowledged. */
export class SendQueue {
  /** Whether our FIN has been acknowledged, and with it everything we sent. */
  isFinAcknowledged = false
  readonly #segmentSize: number
  readonly #limits: Limits
  /** The bytes from `#unacknowledged` on. */
  #bytes: Uint8Array = new Uint8Array(0)
  #isEnding = false
  #unacknowledged: number
  #next: number
  #max: number
  #hasSent = false
  #window: number
  #congestionWindow: number
  #retransmitAt = Infinity
  #retransmissions = 0

  /** Starts at `sequence`. No segment has more than `segmentSize` bytes. `window` is the client's, as in its header. */
  constructor(sequence: number, window: number, segmentSize: number, limits: Limits) {
    this.#unacknowledged = this.#next = this.#max = sequence
    this.#window = window
    this.#segmentSize = segmentSize
    this.#congestionWindow = INITIAL_SEGMENTS * segmentSize
    this.#limits = limits
  }

  /** SND.MAX: the sequence number of a segment that carries nothing. */
  get max(): number {
    return this.#max
  }

  /** Whether something was sent that is not acknowledged. */
  get isWaiting(): boolean {
    return seqBefore(this.#unacknowledged, this.#max)
  }

  /** Whether everything that was given to send so far has been acknowledged. */
  get isEmpty(): boolean {
    return !this.isWaiting && !this.#hasUnsent
  }

  /** Whether the FIN has been sent, or is about to be. */
  get isEnding(): boolean {
    return this.#isEnding
  }

  /** Adds bytes to the stream. Do not call it after `end`. */
  write(bytes: Uint8Array): void {
    if (this.#isEnding) return
    const all = new Uint8Array(this.#bytes.length + bytes.length)
    all.set(this.#bytes)
    all.set(bytes, this.#bytes.length)
    this.#bytes = all
  }

  /** Adds the FIN. */
  end(): void {
    this.#isEnding = true
  }

  /**
   * Returns whether an acknowledgment is within what was sent, or was before (RFC 5961, 5.2). Before anything was sent
   * it may be ahead by what the server has in flight, which is at most the largest window (RFC 7323, 2.3).
   */
  isAcceptable(acknowledgment: number): boolean {
    const ahead = seqDiff(acknowledgment, this.#max)
    return ahead >= -MAX_IN_FLIGHT && ahead <= (this.#hasSent ? 0 : LARGEST_WINDOW)
  }

  /**
   * Takes the acknowledgment and window of a segment. Before anything was sent, a higher acknowledgment moves the
   * start, because data of the server's may have been in flight at the take-over. An acknowledgment of what was never
   * sent is ignored.
   */
  acknowledge(acknowledgment: number, window: number, now: number): void {
    const ahead = seqDiff(acknowledgment, this.#unacknowledged)
    if (ahead < 0 || (this.#hasSent && seqBefore(this.#max, acknowledgment))) return
    this.#window = window
    if (ahead === 0) return
    this.#unacknowledged = acknowledgment
    if (!this.#hasSent) {
      this.#next = this.#max = acknowledgment
      return
    }
    this.isFinAcknowledged = ahead > this.#bytes.length
    this.#bytes = this.#bytes.subarray(ahead)
    if (seqBefore(this.#next, acknowledgment)) this.#next = acknowledgment
    this.#congestionWindow = Math.min(this.#congestionWindow + this.#segmentSize, MAX_IN_FLIGHT)
    this.#retransmissions = 0
    this.#retransmitAt = Infinity
    if (this.isWaiting) this.#schedule(now)
  }

  /** Returns what may be sent now. */
  take(now: number): Chunk[] {
    const chunks: Chunk[] = []
    for (let chunk = this.#nextChunk(); chunk; chunk = this.#nextChunk()) chunks.push(this.#sent(chunk))
    // This also holds for a closed window: then the time-out sends a probe (RFC 9293, 3.8.6.1).
    const hasWork = this.#hasUnsent || this.isWaiting
    if (hasWork && this.#retransmitAt === Infinity && this.#retransmissions === 0) this.#schedule(now)
    return chunks
  }

  /** Returns the first segment that is not acknowledged once more. */
  repeat(): Chunk[] {
    return this.isWaiting ? [this.#chunkAt(0, this.#segmentSize)] : []
  }

  /**
   * Returns what is due. After a time-out that is everything from the first byte that is not acknowledged, one segment
   * at first (RFC 5681, 3.1).
   */
  poll(now: number): Chunk[] {
    if (now < this.#retransmitAt) return this.take(now)
    this.#retransmissions++
    this.#schedule(now)
    this.#next = this.#unacknowledged
    this.#congestionWindow = this.#segmentSize
    return [this.#sent(this.#chunkAt(0, this.#segmentSize))]
  }

  get #hasUnsent(): boolean {
    return seqDiff(this.#next, this.#unacknowledged) < this.#length
  }

  /** Sequence numbers from the first unacknowledged byte to the FIN, which has one. */
  get #length(): number {
    return this.#bytes.length + (this.#isEnding && !this.isFinAcknowledged ? 1 : 0)
  }

  /**
   * Returns the next segment. The client's window scale is not known, so its window is used as it is in the header. One
   * segment may always be sent, unless the window is closed.
   */
  #nextChunk(): Chunk | undefined {
    if (!this.#hasUnsent || this.#window === 0) return undefined
    const offset = seqDiff(this.#next, this.#unacknowledged)
    const room = Math.min(this.#congestionWindow, Math.max(this.#window, this.#segmentSize)) - offset
    const size = Math.min(room, this.#segmentSize)
    // No small segment is sent while others are in flight and more data follows (RFC 9293, 3.8.6.2.1).
    const isSmall = size < this.#segmentSize && size < this.#bytes.length - offset
    return size <= 0 || isSmall ? undefined : this.#chunkAt(offset, size)
  }

  #chunkAt(offset: number, size: number): Chunk {
    const payload = this.#bytes.subarray(offset, offset + size)
    const isEnd = offset + payload.length === this.#bytes.length
    const flags = ACK | (isEnd && payload.length > 0 ? PSH : 0) | (isEnd && this.#isEnding ? FIN : 0)
    return { sequence: seqAdd(this.#unacknowledged, offset), payload, flags }
  }

  #sent(chunk: Chunk): Chunk {
    this.#hasSent = true
    this.#next = seqAdd(chunk.sequence, chunk.payload.length + (chunk.flags & FIN ? 1 : 0))
    if (seqBefore(this.#max, this.#next)) this.#max = this.#next
    return chunk
  }

  /** Sets the next time-out, which doubles (RFC 6298, 5.5). After the last repetition nothing is sent unasked. */
  #schedule(now: number): void {
    const isLast = this.#retransmissions >= this.#limits.retransmissions
    this.#retransmitAt = isLast ? Infinity : now + this.#limits.retransmitAfter * 2 ** this.#retransmissions
  }
}
