/**
 * The first bytes of a request that has not been decided yet. The server's kernel gets the same segments at the same time; what is
 * contiguous here is what it has acknowledged.
 */
import { MAX_REQUEST_LINE } from '../wire/http.js'
import { seqAdd, seqDiff } from '../wire/sequence.js'
import { StreamStart } from '../wire/stream-start.js'

export class RequestStart extends StreamStart {
  /** Bytes each of them holds, whatever has come. */
  static readonly size = 2 * MAX_REQUEST_LINE

  /** `sequence` is that of the request's first byte. */
  constructor(sequence: number) {
    super(sequence, MAX_REQUEST_LINE)
  }

  /** Whether a segment has bytes of the request line, however long that may be. */
  covers(sequence: number, length: number): boolean {
    const offset = seqDiff(sequence, this.sequence)
    return offset < MAX_REQUEST_LINE && offset + length > 0
  }

  /** The sequence number the server's kernel waits for next. */
  get nextSequence(): number {
    return seqAdd(this.sequence, this.bytes.length)
  }
}
