/**
 * The first bytes of one direction of a connection, put together from segments that came split, repeated, cut or out of
 * order.
 */
import { seqAdd, seqDiff } from './sequence.js'

/** Collects the first bytes of a stream. */
export class StreamStart {
  /** Sequence number of the first byte. */
  readonly sequence: number
  #bytes = new Uint8Array(0)
  #isFilled = new Uint8Array(0)
  #capacity: number
  #contiguous = 0

  /** Keeps `capacity` bytes and ignores what follows them. */
  constructor(sequence: number, capacity: number) {
    this.sequence = sequence
    this.#capacity = capacity
  }

  /** Lowers the capacity, because a service that would need more is out of the question. */
  narrow(capacity: number): void {
    this.#capacity = Math.min(this.#capacity, Math.max(capacity, this.#contiguous))
  }

  /** Bytes of memory that it takes: each byte, and whether it has come. There is only room for what has come. */
  get size(): number {
    return 2 * this.#bytes.length
  }

  /** Takes a segment's payload. Of two versions of a byte the first stays, as in the receiver's kernel. */
  add(sequence: number, payload: Uint8Array): void {
    const offset = seqDiff(sequence, this.sequence)
    const to = Math.min(offset + payload.length, this.#capacity)
    if (to > this.#bytes.length) {
      this.#bytes = extended(this.#bytes, to)
      this.#isFilled = extended(this.#isFilled, to)
    }
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
    return offset < this.#capacity && offset + length > 0
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
    return this.#contiguous === this.#capacity
  }
}

function extended(bytes: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const longer = new Uint8Array(length)
  longer.set(bytes)
  return longer
}
