/**
 * A connection taken over: we are the client's TCP peer from here on. A small subset of RFC 9293 that is complete for its purpose:
 * receive one request head in order, send one segment with data and FIN, repeat it until acknowledged, close.
 * Nothing out of order is kept: the client repeats it.
 */
import { formatReply, HeadEnd, type ChallengeRequest } from '../wire/http.js'
import { emitPacket } from '../wire/packet.js'
import { seqAdd, seqBefore, seqDiff } from '../wire/sequence.js'
import { ACK, FIN, PSH, RST, type TcpSegment, type Timestamps } from '../wire/tcp.js'
import type { IpEnvelope } from '../wire/ip.js'
import type { Limits } from './limits.js'

/** `receiving` the head; `closing` once reply and FIN are out; `closed` when both directions are; `over` when nothing more will be sent. */
export type FlowState = 'receiving' | 'closing' | 'closed' | 'over'

/** Where a flow starts: the client's connection as of the segment that completed the request line. */
export interface TakeOver {
  /** Our side of the forged packets: source is the server's address as seen at the hook, destination the client. */
  readonly envelope: IpEnvelope
  /** The segment at which the connection was taken over. */
  readonly segment: TcpSegment
  /** The part of the request the server had before that segment, and the sequence number after it. */
  readonly before: Uint8Array
  readonly nextSequence: number
  readonly request: ChallengeRequest
  readonly keyAuthorization: string
}

/** We never need more than a request head, and never announce less than the server did if it used no window scaling. */
const WINDOW = 0xffff

/** Empty segments out of place that we answer, at most: an answer to an answer must not go on for ever. */
const MAX_PROBES = 16

export class TakenFlow {
  readonly request: ChallengeRequest
  readonly client: Uint8Array
  readonly clientPort: number
  /** Sequence number of the request's first byte. */
  readonly firstSequence: number
  state: FlowState = 'receiving'
  /** Whether the reply has been sent; a client that closes in the middle of its request gets none. */
  isAnswered = false
  /** Whether the client has acknowledged all we sent, our FIN included. */
  isAcknowledged = false
  readonly #envelope: IpEnvelope
  readonly #serverPort: number
  readonly #limits: Limits
  readonly #keyAuthorization: string
  readonly #headEnd = new HeadEnd()
  #receiveNext: number
  #sendNext: number
  #reply: TcpSegment | undefined
  #timestamps: Timestamps | undefined
  #hasClientFin = false
  #probes = 0
  #retransmitAt = Infinity
  #retransmissions = 0
  #expiresAt: number

  constructor(start: TakeOver, limits: Limits, now: number) {
    const { segment } = start
    this.request = start.request
    this.client = start.envelope.destination
    this.clientPort = segment.sourcePort
    this.firstSequence = seqAdd(start.nextSequence, -start.before.length)
    this.#envelope = start.envelope
    this.#serverPort = segment.destinationPort
    this.#limits = limits
    this.#keyAuthorization = start.keyAuthorization
    this.#receiveNext = start.nextSequence
    this.#sendNext = segment.acknowledgment
    this.#timestamps = segment.timestamps && { value: segment.timestamps.echo, echo: segment.timestamps.value }
    this.#headEnd.feed(start.before)
    this.#expiresAt = now + limits.takenFor
  }

  /**
   * Whether a segment is of another connection with the same addresses and ports: a later one, or the true one where ours was forged.
   * On a closed connection the client neither sends nor acknowledges anything new; on an open one both numbers have to be far off.
   * The SYN need not have been seen: where the kernel queues by connection mark, a new connection has none yet.
   */
  isSucceededBy({ flags, sequence, acknowledgment }: TcpSegment): boolean {
    if (flags & RST || !(flags & ACK)) return false
    const received = seqDiff(this.#receiveNext, sequence)
    const sent = seqDiff(this.#sendNext, acknowledgment)
    const isLate = (behind: number) => behind >= 0 && behind <= WINDOW
    if (this.state === 'closed') return !(isLate(received) && isLate(sent))
    return Math.abs(received) > WINDOW && Math.abs(sent) > WINDOW
  }

  /** Takes a segment of the client's (not a SYN) and gives the packets to send back. */
  receive(segment: TcpSegment, now: number): Uint8Array[] {
    if (this.state === 'over') return []
    if (segment.flags & RST) {
      if (this.#isInWindow(segment.sequence)) this.state = 'over'
      return []
    }
    if (!(segment.flags & ACK)) return []
    const wasTooOld = this.#rememberTimestamps(segment)
    this.#acknowledge(segment, now)
    const length = segment.payload.length + (segment.flags & FIN ? 1 : 0)
    if (length === 0 && wasTooOld && this.#reply && !this.isAcknowledged) return [this.#emit(this.#reply)]
    if (length === 0) return segment.sequence === this.#receiveNext ? [] : this.#acknowledgeProbe()
    const isNew = this.#takePayload(segment)
    this.#closeWhenDone(now)
    if (this.state === 'receiving' && this.#isRequestComplete) return [this.#sendReply(now)]
    if (!isNew && this.#reply && !this.isAcknowledged) return [this.#emit(this.#reply)]
    return [this.#emit(this.#segment(ACK))]
  }

  /** Sends again what is due, and ends the flow at its age. To be called every now and then. */
  tick(now: number): Uint8Array[] {
    if (now >= this.#expiresAt && this.state !== 'over') {
      const wasClosed = this.state === 'closed'
      this.state = 'over'
      return wasClosed ? [] : [this.#emit(this.#segment(RST | ACK))]
    }
    if (!this.#reply || now < this.#retransmitAt) return []
    this.#retransmissions++
    this.#scheduleRetransmission(now)
    return [this.#emit(this.#reply)]
  }

  /**
   * The acknowledgment field may still move our first sequence number, as long as we have sent nothing: what the server
   * sent before the take-over may have been under way. An acknowledgment of what was never sent is ignored.
   */
  #acknowledge(segment: TcpSegment, now: number): void {
    const ahead = seqDiff(segment.acknowledgment, this.#sendNext)
    if (!this.#reply) {
      if (ahead > 0) this.#sendNext = segment.acknowledgment
    } else if (ahead === 0 && !this.isAcknowledged) {
      this.isAcknowledged = true
      this.#retransmitAt = Infinity
      this.#closeWhenDone(now)
    }
  }

  /** Moves over bytes that come next (RFC 9293, 3.10.7.4); false when there are none: a repetition, or a gap before them. */
  #takePayload(segment: TcpSegment): boolean {
    const known = seqDiff(this.#receiveNext, segment.sequence)
    const { length } = segment.payload
    if (known < 0 || known > length) return false
    const isFin = (segment.flags & FIN) !== 0 && !this.#hasClientFin
    if (known === length && !isFin) return false
    const fresh = segment.payload.subarray(known)
    this.#receiveNext = seqAdd(this.#receiveNext, fresh.length + (isFin ? 1 : 0))
    this.#headEnd.feed(fresh)
    if (isFin) this.#hasClientFin = true
    return true
  }

  /** A client that half-closes in the middle of the head will never complete it: it gets our FIN and no reply. */
  get #isRequestComplete(): boolean {
    return this.#headEnd.isFound || this.#hasClientFin
  }

  #sendReply(now: number): Uint8Array {
    const payload = this.#headEnd.isFound ? formatReply(this.request.method, this.#keyAuthorization) : new Uint8Array(0)
    this.isAnswered = this.#headEnd.isFound
    this.#reply = this.#segment(this.isAnswered ? PSH | ACK | FIN : ACK | FIN, payload)
    this.#sendNext = seqAdd(this.#sendNext, payload.length + 1)
    this.state = 'closing'
    this.#scheduleRetransmission(now)
    return this.#emit(this.#reply)
  }

  #scheduleRetransmission(now: number): void {
    const isLast = this.#retransmissions >= this.#limits.retransmissions
    this.#retransmitAt = isLast ? Infinity : now + this.#limits.retransmitAfter * 2 ** this.#retransmissions
  }

  #closeWhenDone(now: number): void {
    if (this.state !== 'closing' || !this.isAcknowledged || !this.#hasClientFin) return
    this.state = 'closed'
    this.#expiresAt = now + this.#limits.closedFor
  }

  /** Answers an empty segment that is out of place, as RFC 9293, 3.10.7.4 wants: a keep-alive, for one. */
  #acknowledgeProbe(): Uint8Array[] {
    if (this.#probes >= MAX_PROBES) return []
    this.#probes++
    return [this.#emit(this.#segment(ACK))]
  }

  #isInWindow(sequence: number): boolean {
    const ahead = seqDiff(sequence, this.#receiveNext)
    return ahead >= 0 && ahead < WINDOW
  }

  /**
   * RFC 7323, 4.3: echo the newest TSval that is in order. What the client echoes is the newest clock of the server's it has seen;
   * true when that is newer than the one we have sent, so that the client may have dropped it (5.3).
   */
  #rememberTimestamps(segment: TcpSegment): boolean {
    const mine = this.#timestamps
    const theirs = segment.timestamps
    if (!mine || !theirs) return false
    const isInOrder = seqDiff(segment.sequence, this.#receiveNext) <= 0
    this.#timestamps = {
      value: seqBefore(mine.value, theirs.echo) ? theirs.echo : mine.value,
      echo: isInOrder && seqBefore(mine.echo, theirs.value) ? theirs.value : mine.echo,
    }
    return seqBefore(mine.value, theirs.echo)
  }

  #segment(flags: number, payload: Uint8Array = new Uint8Array(0)): TcpSegment {
    return {
      sourcePort: this.#serverPort,
      destinationPort: this.clientPort,
      sequence: this.#sendNext,
      acknowledgment: this.#receiveNext,
      flags,
      window: WINDOW,
      payload,
    }
  }

  /** The same bytes of the stream go out again with what has been received since: acknowledgment and timestamps are always the latest. */
  #emit(segment: TcpSegment): Uint8Array {
    return emitPacket(this.#envelope, {
      ...segment,
      acknowledgment: this.#receiveNext,
      ...(this.#timestamps && { timestamps: this.#timestamps }),
    })
  }
}
