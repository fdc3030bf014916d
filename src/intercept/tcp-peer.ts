/**
 * A connection that was taken over. From here on we are the client's TCP peer. It is a small subset of RFC 9293 that
 * knows no protocol above it: a conversation gets the client's bytes in order, and what it sends goes out. Nothing out
 * of order is kept, because the client repeats it.
 */
import { emitPacket } from '../wire/packet.js'
import { seqAdd, seqBefore, seqDiff } from '../wire/sequence.js'
import { ACK, FIN, RST, type TcpSegment, type Timestamps } from '../wire/tcp.js'
import type { IpEnvelope } from '../wire/ip.js'
import type { Limits } from './limits.js'
import { SendQueue, type Chunk } from './send-queue.js'
import type { Answer, Connection, Conversation } from './service.js'

/**
 * `open`: our FIN is not sent yet. `closing`: it is. `closed`: both directions are closed. `over`: nothing more is
 * sent.
 */
export type PeerState = 'open' | 'closing' | 'closed' | 'over'

/** Where a peer starts: the client's connection at the segment that showed which service it is for. */
export interface TakeOver {
  /** Our side of the forged packets: source is the server's address as seen at the hook, destination the client. */
  readonly envelope: IpEnvelope
  /** The segment at which the connection is taken over. Its payload is not looked at: `receive` gets it next. */
  readonly segment: TcpSegment
  /** The part of the stream that the server had before that segment, and the sequence number after it. */
  readonly before: Uint8Array
  readonly nextSequence: number
  /** Called once, with our end of the connection. */
  readonly open: (connection: Connection) => Conversation
  /** Called when the conversation sends outside of `receive` and `poll`: `poll` has packets then. */
  readonly onOutput: () => void
}

/** The window that we announce. It is never less than what the server announced, unless that used window scaling. */
const WINDOW = 0xffff

/**
 * Bytes of payload that every path takes: the smallest MSS (RFC 9293, 3.7.1; RFC 8200, 5), less the timestamps (RFC
 * 6691).
 */
const SEGMENT_SIZE = { 4: 536, 6: 1_220 } as const
const TIMESTAMPS_SIZE = 12

/** The most segments out of place that are answered by an acknowledgment. */
const MAX_CHALLENGES = 16

/** The TCP peer of one client. */
export class TcpPeer {
  readonly client: Uint8Array
  readonly clientPort: number
  /** Sequence number of the stream's first byte. */
  readonly firstSequence: number
  state: PeerState = 'open'
  readonly #envelope: IpEnvelope
  readonly #serverPort: number
  readonly #limits: Limits
  readonly #conversation: Conversation
  readonly #sending: SendQueue
  #receiveNext: number
  #timestamps: Timestamps | undefined
  #hasClientFin = false
  #isInside = true
  #challenges = 0
  #expiresAt: number

  constructor({ envelope, segment, before, nextSequence, open, onOutput }: TakeOver, limits: Limits, now: number) {
    this.client = envelope.destination
    this.clientPort = segment.sourcePort
    this.firstSequence = seqAdd(nextSequence, -before.length)
    this.#envelope = envelope
    this.#serverPort = segment.destinationPort
    this.#limits = limits
    this.#receiveNext = nextSequence
    this.#timestamps = segment.timestamps && { value: segment.timestamps.echo, echo: segment.timestamps.value }
    this.#expiresAt = now + limits.takenFor
    const size = SEGMENT_SIZE[envelope.version] - (segment.timestamps ? TIMESTAMPS_SIZE : 0)
    this.#sending = new SendQueue(segment.acknowledgment, segment.window, size, limits)
    const wake = () => {
      if (!this.#isInside) onOutput()
    }
    this.#conversation = open({
      send: (bytes) => {
        this.#sending.write(bytes)
        wake()
      },
      end: () => {
        this.#sending.end()
        wake()
      },
    })
    if (before.length > 0) this.#conversation.receive(before.slice())
    this.#isInside = false
  }

  /** What the conversation has answered; undefined until then. */
  get answer(): Answer | undefined {
    return this.#conversation.answer
  }

  /** Whether the client has acknowledged all we sent, our FIN included. */
  get isAcknowledged(): boolean {
    return this.#sending.isFinAcknowledged
  }

  /**
   * Whether the client has shown in another way that it has the answer. A conversation that goes on after its answer
   * has no FIN to wait for: there it is enough that all that was sent so far is acknowledged.
   */
  get isReceived(): boolean {
    const { isReceived = false, isKept = false } = this.#conversation
    return isReceived || (isKept && this.#sending.isEmpty)
  }

  /** Whether a direction is still open. */
  get isOpen(): boolean {
    return this.state === 'open' || this.state === 'closing'
  }

  /**
   * Returns whether a segment with our addresses and ports (not a SYN) may belong to this connection. It may belong to
   * a later one, or to the true one if ours was forged. On a closed connection the client sends and acknowledges
   * nothing new. On an open one, both numbers of another connection are far off. A sender who guesses them changes
   * nothing: see `receive`.
   */
  isFor({ flags, sequence, acknowledgment }: TcpSegment): boolean {
    const received = seqDiff(sequence, this.#receiveNext)
    const sent = seqDiff(acknowledgment, this.#sending.max)
    if (flags & RST || !(flags & ACK)) return isNear(received)
    if (this.state === 'closed') return isNear(received) && isNear(sent) && received <= 0 && sent <= 0
    return isNear(received) || isNear(sent)
  }

  /**
   * Takes a segment of the client's (not a SYN). Returns the packets to send back. A segment out of the window, or one
   * that acknowledges what was never sent, is answered with an acknowledgment and changes nothing (RFC 9293, 3.10.7.4;
   * RFC 5961, 5.2).
   */
  receive(segment: TcpSegment, now: number): Uint8Array[] {
    if (segment.flags & RST) return this.#receiveReset(segment)
    if (!(segment.flags & ACK)) return []
    if (!isNear(seqDiff(segment.sequence, this.#receiveNext)) || !this.#sending.isAcceptable(segment.acknowledgment))
      return this.challenge()
    const wasTooOld = this.#rememberTimestamps(segment)
    this.#sending.acknowledge(segment.acknowledgment, segment.window, now)
    const length = segment.payload.length + (segment.flags & FIN ? 1 : 0)
    const isNew = this.#takePayload(segment)
    const chunks = this.#sending.take(now)
    this.#advance(now)
    if (chunks.length > 0) return chunks.map((chunk) => this.#emit(chunk))
    const isRepeated = length > 0 ? !isNew : wasTooOld
    if (isRepeated && this.#sending.isWaiting) return this.#sending.repeat().map((chunk) => this.#emit(chunk))
    if (length > 0) return [this.#emit(this.#bare(ACK))]
    return segment.sequence === this.#receiveNext ? [] : this.challenge()
  }

  /**
   * Returns an acknowledgment of what we have received, the answer to a segment out of place (RFC 9293, 3.10.7.4; RFC
   * 5961, 3.2, 4.2 and 5.2). A client that has the connection learns from it where we are. One that has not answers
   * with a RST. Their number is limited, because two ends could answer each other for ever.
   */
  challenge(): Uint8Array[] {
    if (this.#challenges >= MAX_CHALLENGES) return []
    this.#challenges++
    return [this.#emit(this.#bare(ACK))]
  }

  /** Returns the packets that are due, and ends a connection that is too old. Call it regularly, and on `onOutput`. */
  poll(now: number): Uint8Array[] {
    if (now >= this.#expiresAt) {
      const wasClosed = this.state === 'closed'
      this.state = 'over'
      return wasClosed ? [] : [this.#emit(this.#bare(RST | ACK))]
    }
    if (this.state === 'open') this.#conversation.tick?.()
    const packets = this.#sending.poll(now).map((chunk) => this.#emit(chunk))
    this.#advance(now)
    return packets
  }

  /**
   * Takes the bytes that come next (RFC 9293, 3.10.7.4). Returns false when there are none, because the segment is a
   * repetition or comes after a gap.
   */
  #takePayload(segment: TcpSegment): boolean {
    const known = seqDiff(this.#receiveNext, segment.sequence)
    const { length } = segment.payload
    if (known < 0 || known > length) return false
    const isFin = (segment.flags & FIN) !== 0 && !this.#hasClientFin
    if (known === length && !isFin) return false
    const fresh = segment.payload.slice(known)
    this.#receiveNext = seqAdd(this.#receiveNext, fresh.length + (isFin ? 1 : 0))
    this.#isInside = true
    if (fresh.length > 0) this.#conversation.receive(fresh)
    if (isFin) this.#conversation.end()
    this.#isInside = false
    if (isFin) this.#hasClientFin = true
    return true
  }

  #advance(now: number): void {
    if (this.state === 'open' && this.#sending.isEnding) this.state = 'closing'
    if (this.state !== 'closing' || !this.isAcknowledged || !this.#hasClientFin) return
    this.state = 'closed'
    this.#expiresAt = now + this.#limits.closedFor
  }

  /** Takes a RST. Only one at exactly the next sequence number ends a connection (RFC 5961, 3.2). */
  #receiveReset({ sequence }: TcpSegment): Uint8Array[] {
    const ahead = seqDiff(sequence, this.#receiveNext)
    if (ahead === 0) this.state = 'over'
    return ahead > 0 && ahead < WINDOW ? this.challenge() : []
  }

  /**
   * Remembers the client's timestamps: the newest TSval in order is echoed (RFC 7323, 4.3). The client echoes the
   * newest TSval of the server's that it has seen. Returns true when that is newer than ours, because then the client
   * may have dropped what we sent (5.3).
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

  /** A segment without bytes of the stream. */
  #bare(flags: number): Chunk {
    return { sequence: this.#sending.max, payload: new Uint8Array(0), flags }
  }

  /**
   * Returns the packet of a segment. Acknowledgment and timestamps are always the latest, even when bytes are repeated.
   */
  #emit(chunk: Chunk): Uint8Array {
    return emitPacket(this.#envelope, {
      ...chunk,
      sourcePort: this.#serverPort,
      destinationPort: this.clientPort,
      acknowledgment: this.#receiveNext,
      window: WINDOW,
      ...(this.#timestamps && { timestamps: this.#timestamps }),
    })
  }
}

/** Returns whether a sequence number at this distance may belong to the same connection: at most our window. */
function isNear(distance: number): boolean {
  return Math.abs(distance) <= WINDOW
}
