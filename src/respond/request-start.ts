/**
 * The first bytes of a request that has not been decided yet, put together from segments that came split, repeated or out of order.
 * The server's kernel gets the same segments at the same time; what is contiguous here is what it has acknowledged.
 */
import { MAX_REQUEST_LINE } from '../wire/http.js'
import { seqAdd, seqDiff } from '../wire/sequence.js'

export class RequestStart {
  /** Bytes each of them holds, whatever has come. */
  static readonly size = 2 * MAX_REQUEST_LINE
  /** Sequence number of the request's first byte. */
  readonly sequence: number
  readonly #bytes = new Uint8Array(MAX_REQUEST_LINE)
  readonly #isFilled = new Uint8Array(MAX_REQUEST_LINE)
  #contiguous = 0

  constructor(sequence: number) {
    this.sequence = sequence
  }

  /** Whether a segment has bytes of the request line, however long that may be. */
  covers(sequence: number, length: number): boolean {
    const offset = seqDiff(sequence, this.sequence)
    return offset < MAX_REQUEST_LINE && offset + length > 0
  }

  /** Takes a segment's payload. A byte that is there already stays as it came first, as it does in the server's kernel. */
  add(sequence: number, payload: Uint8Array): void {
    const offset = seqDiff(sequence, this.sequence)
    const to = Math.min(offset + payload.length, MAX_REQUEST_LINE)
    for (let at = Math.max(offset, 0); at < to; at++) {
      if (this.#isFilled[at]) continue
      this.#isFilled[at] = 1
      this.#bytes[at] = payload[at - offset] ?? 0
    }
    while (this.#isFilled[this.#contiguous]) this.#contiguous++
  }

  /** The request from its first byte up to the first gap. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#contiguous)
  }

  /** The sequence number the server's kernel waits for next. */
  get nextSequence(): number {
    return seqAdd(this.sequence, this.#contiguous)
  }
}
