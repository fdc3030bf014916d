/**
 * The first bytes of one direction of a connection, put together from segments that came split, repeated, cut or out of
 * order.
 */
import { seqAdd, seqDiff } from './sequence.js'

/** Collects the first bytes of a stream. */
export class StreamStart {
  /** Sequence number of the first byte. */
  readonly sequence: number
  readonly #bytes: Uint8Array
  readonly #isFilled: Uint8Array
  #contiguous = 0

  /** Keeps `capacity` bytes and ignores what follows them. It takes twice that in memory. */
  constructor(sequence: number, capacity: number) {
    this.sequence = sequence
    this.#bytes = new Uint8Array(capacity)
    this.#isFilled = new Uint8Array(capacity)
  }

  /** Takes a segment's payload. Of two versions of a byte the first stays, as in the receiver's kernel. */
  add(sequence: number, payload: Uint8Array): void {
    const offset = seqDiff(sequence, this.sequence)
    const to = Math.min(offset + payload.length, this.#bytes.length)
    for (let at = Math.max(offset, 0); at < to; at++) {
      if (this.#isFilled[at]) continue
      this.#isFilled[at] = 1
      this.#bytes[at] = payload[at - offset] ?? 0
    }
    while (this.#isFilled[this.#contiguous]) this.#contiguous++
  }

  /** Returns whether a segment has bytes within the capacity. */
  covers(sequence: number, length: number): boolean {
    const offset = seqDiff(sequence, this.sequence)
    return offset < this.#bytes.length && offset + length > 0
  }

  /** The bytes from the first one up to the first gap. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#contiguous)
  }

  /** The sequence number after `bytes`, which is what the receiver's kernel waits for. */
  get nextSequence(): number {
    return seqAdd(this.sequence, this.#contiguous)
  }

  /** Whether the capacity is used up. */
  get isFull(): boolean {
    return this.#contiguous === this.#bytes.length
  }
}
