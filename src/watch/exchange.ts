import { formatAddress } from '../wire/address.js'
import { seqDiff } from '../wire/sequence.js'
import { StreamStart } from '../wire/stream-start.js'
import { FIN, RST } from '../wire/tcp.js'
import type { CapturedSegment } from './captured-segment.js'
import type { AnswerOutcome, WatchedRequest, WatchEvent } from './events.js'
import type { WatchLimits } from './limits.js'
import type { Protocol, ReadRequest } from './protocol.js'

/**
 * One request that may be for a challenge, and what comes back. It passes events to `tell`. Times are milliseconds
 * since 1970.
 */
export class Exchange {
  /** Nothing more is reported of it. It stays for a while, so that repeated segments are recognised. */
  hasEnded = false
  /** The request cannot be for a challenge, or no longer. It can be forgotten. */
  isOther = false
  readonly startedAt: number
  readonly #protocol: Protocol
  readonly #limits: WatchLimits
  readonly #nextId: () => number
  readonly #tell: (event: WatchEvent) => void
  readonly #first: CapturedSegment
  /** Undefined once its bytes are no longer needed. */
  #asked: StreamStart | undefined
  #answered: StreamStart | undefined
  #head: ReadRequest | undefined
  #askedAt: number
  #request: WatchedRequest | undefined
  #firstByteAt: number | undefined
  #newestAt = 0
  #finOffset: number | undefined
  #clientGoneAt: number | undefined
  #isSilenceTold = false

  /**
   * Begins with the segment that carries the request's first byte, which `protocol` reads. `nextId` is called once it
   * is certain that this is a request.
   */
  constructor(
    protocol: Protocol,
    first: CapturedSegment,
    now: number,
    limits: WatchLimits,
    nextId: () => number,
    tell: (event: WatchEvent) => void,
  ) {
    this.#protocol = protocol
    this.#limits = limits
    this.#nextId = nextId
    this.#tell = tell
    this.startedAt = now
    this.#askedAt = now
    // A copy, because the buffer of the capture is used again.
    this.#first = {
      ...first,
      ip: { ...first.ip, source: first.ip.source.slice(), destination: first.ip.destination.slice() },
      segment: { ...first.segment, payload: new Uint8Array(0) },
    }
    this.#asked = new StreamStart(first.segment.sequence, protocol.mostBytes(limits))
  }

  /**
   * Returns whether a segment of the client's has bytes of this request's head. Then it does not start another request.
   */
  covers({ segment }: CapturedSegment): boolean {
    const offset = seqDiff(segment.sequence, this.#first.segment.sequence)
    return offset >= 0 && offset < (this.#head?.length ?? this.#protocol.mostBytes(this.#limits))
  }

  /** Returns whether a segment of the client's repeats an earlier request of the same connection. */
  follows({ segment }: CapturedSegment): boolean {
    const offset = seqDiff(segment.sequence, this.#first.segment.sequence)
    return offset < 0 && offset >= -FARTHEST
  }

  /** Takes a segment of the client's that `covers`, or one with RST. */
  fromClient({ segment }: CapturedSegment, now: number): void {
    if (segment.flags & RST) this.#clientGoneAt ??= now
    const asked = this.#asked
    if (!asked || this.hasEnded || segment.payload.length === 0) return
    const before = asked.bytes.length
    asked.add(segment.sequence, segment.payload)
    if (asked.bytes.length === before) return
    const head = this.#protocol.read(asked.bytes)
    if (head === 'other' || (head === 'partial' && asked.isFull)) this.isOther = true
    else if (head !== 'partial') this.#takeHead(head, asked.isFull, now)
  }

  #takeHead(head: ReadRequest, isFull: boolean, now: number): void {
    // A response that has come already does not answer what the client sends now.
    if (this.#firstByteAt === undefined) this.#askedAt = now
    this.#head = head
    if (head.length === undefined && !isFull) return
    this.#tellRequest()
    this.#asked = undefined
  }

  /** Takes a segment of the server's. A segment of an earlier response on the same connection is ignored. */
  fromServer({ segment, payloadLength }: CapturedSegment, now: number): void {
    // While the request line is not complete, it cannot be said what a response answers.
    if (this.hasEnded || !this.#head) return
    const start = this.#first.segment.acknowledgment
    const offset = seqDiff(segment.sequence, start)
    if (offset + payloadLength < 0 || offset > FARTHEST) return
    if (segment.flags & RST) return this.#end('reset', now)
    if (payloadLength > 0 && offset + payloadLength > 0) this.#takeBytes(segment.sequence, segment.payload, now)
    if (segment.flags & FIN) this.#finOffset = offset + payloadLength
    this.#conclude(now)
  }

  #takeBytes(sequence: number, payload: Uint8Array, now: number): void {
    this.#firstByteAt ??= now
    this.#newestAt = now
    this.#answered ??= new StreamStart(this.#first.segment.acknowledgment, this.#limits.responseBytes)
    this.#answered.add(sequence, payload)
  }

  /** Ends the exchange when all that is shown has come. */
  #conclude(now: number): void {
    const answered = this.#answered
    const length = answered?.bytes.length ?? 0
    const isOver = this.#finOffset !== undefined && (this.#finOffset <= length || answered?.isFull)
    if (isOver && length === 0) return this.#end('closed', now)
    if (!answered) return
    const isEnough = length > 0 && this.#head?.readAnswer(answered.bytes, this.#limits.bodyBytes).isEnough
    if (isOver || isEnough || answered.isFull) this.#end('answered', now)
  }

  /** Reports what only the passing of time shows. */
  tick(now: number): void {
    if (this.hasEnded || !this.#head) return
    const { headWithin, quietFor, silentFor, goneFor, rememberedFor } = this.#limits
    if (now - this.#askedAt >= headWithin) this.#tellRequest()
    if (this.#firstByteAt !== undefined) {
      if (now - this.#newestAt >= quietFor) this.#end('answered', now)
    } else if (this.#clientGoneAt !== undefined && now - this.#clientGoneAt >= goneFor) {
      this.#end('client-gone', this.#clientGoneAt)
    } else if (now - this.#askedAt >= rememberedFor) {
      this.#end('silent', now)
    } else if (now - this.#askedAt >= silentFor && !this.#isSilenceTold) {
      this.#isSilenceTold = true
      this.#tellRequest()
      this.#tellAnswer('silent', now)
    }
  }

  /** Reports what is known, because the exchange is not followed any longer. */
  giveUp(now: number): void {
    if (this.hasEnded || !this.#head) return
    this.#end(this.#firstByteAt !== undefined ? 'answered' : this.#isSilenceTold ? 'silent' : 'unknown', now)
  }

  #end(outcome: AnswerOutcome, now: number): void {
    this.#tellRequest()
    // This was reported after ten seconds.
    if (outcome !== 'silent' || !this.#isSilenceTold) this.#tellAnswer(outcome, now)
    this.hasEnded = true
    this.#asked = undefined
    this.#answered = undefined
  }

  #tellAnswer(outcome: AnswerOutcome, now: number): void {
    if (!this.#request || !this.#head) return
    const milliseconds = Math.max(0, (this.#firstByteAt ?? now) - this.#askedAt)
    const bytes = this.#answered?.bytes ?? new Uint8Array(0)
    const answer = bytes.length === 0 ? { outcome } : this.#head.readAnswer(bytes, this.#limits.bodyBytes).answer
    this.#tell({
      event: 'answer',
      request: this.#request,
      answer: { ...answer, ...(outcome !== 'unknown' && { milliseconds }) },
    })
  }

  #tellRequest(): void {
    if (this.#request || !this.#head) return
    const { ip, segment } = this.#first
    this.#request = {
      id: this.#nextId(),
      at: this.#askedAt,
      family: ip.version,
      client: { address: formatAddress(ip.source), port: segment.sourcePort },
      server: { address: formatAddress(ip.destination), port: segment.destinationPort },
      ...this.#head.shown,
    }
    this.#tell({ event: 'request', request: this.#request })
  }
}

/** A segment of the server's that is farther away than this, in bytes, belongs to another connection. */
const FARTHEST = 0x1000000
