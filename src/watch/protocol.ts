/** What a protocol over TCP has to tell of itself to be watched: its requests, and what answers them. */
import type { ShownRequest, WatchedAnswer } from './events.js'
import type { WatchLimits } from './limits.js'

/** Reads requests for challenges of one type. It is pure and never throws. */
export interface Protocol {
  /** Bytes of a request that are kept at most. One that does not show by then what it is, is not one. */
  mostBytes(limits: WatchLimits): number
  /** Reads the first bytes: a request, `partial` while they may become one, `other` once they cannot. */
  read(bytes: Uint8Array): ReadRequest | 'partial' | 'other'
}

/** A request for a challenge, as far as it has come. */
export interface ReadRequest {
  readonly shown: ShownRequest
  /** Bytes up to its end; undefined until that has come. */
  readonly length: number | undefined
  /** Reads the first bytes of what the server sends, at least one. Of text, `bodyBytes` are shown. */
  readAnswer(bytes: Uint8Array, bodyBytes: number): ReadAnswer
}

/** An answer, as far as it has come. */
export interface ReadAnswer {
  readonly answer: WatchedAnswer
  /** Whether further bytes would change nothing that is shown. */
  readonly isEnough: boolean
}
