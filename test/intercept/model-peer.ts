import { seqAdd, seqBefore, seqDiff } from '../../src/wire/sequence.js'
import type { IpEnvelope } from '../../src/wire/ip.js'
import { emitPacket, parsePacket } from '../../src/wire/packet.js'
import { ACK, FIN, PSH, RST, type TcpSegment } from '../../src/wire/tcp.js'

export interface PeerOptions {
  /** Source is this peer. */
  readonly envelope: IpEnvelope
  readonly port: number
  readonly otherPort: number
  /** Sequence numbers of the first byte it sends, and of the first it expects. */
  readonly sendStart: number
  readonly receiveStart: number
  /** Readings of its own timestamp clock at time 0, and of the other's in the handshake; not given: no timestamps. */
  readonly clocks?: { readonly own: number; readonly other: number } | undefined
  readonly send: (bytes: Uint8Array) => void
  /** What it announces, and takes; 60,000 if not given. */
  readonly window?: number
}

type Queued = Pick<TcpSegment, 'sequence' | 'payload' | 'flags'>

const DEFAULT_WINDOW = 60_000
const FIRST_TIMEOUT = 1_000
const LONGEST_TIMEOUT = 8_000

/**
 * One end of an established connection: a small and strict RFC 9293 without congestion control or selective
 * acknowledgment. Its own retransmission timer repeats the first segment that is not acknowledged. RFC 5961's answer to
 * a RST that is not exact, and RFC 7323's two ways to drop a segment: without timestamps (3.2) and with one from the
 * past (5.3).
 */
export class ModelPeer {
  /** What the application has been given, each character one byte. */
  received = ''
  hasOtherFinished = false
  /**
   * How the connection ended before its time, if it did. A closed one stays open here: it goes on acknowledging, as in
   * TIME-WAIT.
   */
  end: 'reset' | 'aborted' | 'vanished' | undefined
  onReceive: () => void = () => {}
  readonly #options: PeerOptions
  readonly #window: number
  #now = 0
  #sendNext: number
  #receiveNext: number
  #newestTimestamp: number
  #unacknowledged: Queued[] = []
  readonly #early = new Map<number, TcpSegment>()
  #timeout = FIRST_TIMEOUT
  #repeatAt = Infinity
  #objectsAgainAt = 0

  constructor(options: PeerOptions) {
    this.#options = options
    this.#window = options.window ?? DEFAULT_WINDOW
    this.#sendNext = options.sendStart
    this.#receiveNext = options.receiveStart
    this.#newestTimestamp = options.clocks?.other ?? 0
  }

  get hasAllAcknowledged(): boolean {
    return this.#unacknowledged.length === 0
  }

  /**
   * Sends pieces at once, each in a segment of its own; with `finish` a FIN in the last of them, or alone when there is
   * none.
   */
  write(pieces: readonly Uint8Array[], finish = false): void {
    const last = finish ? pieces.length - 1 : pieces.length
    pieces.forEach((payload, at) => this.#enqueue(payload, at === last ? FIN | PSH | ACK : PSH | ACK))
    if (finish && pieces.length === 0) this.#enqueue(new Uint8Array(0), FIN | ACK)
  }

  /** Gives up the connection and sends a RST. */
  abort(): void {
    this.end = 'aborted'
    this.#transmit({ sequence: this.#sendNext, flags: RST | ACK })
  }

  /** Gives up the connection silently: nothing that comes is answered. */
  vanish(): void {
    this.end = 'vanished'
  }

  tick(now: number): void {
    this.#now = now
    const first = this.#unacknowledged[0]
    if (this.end || !first || now < this.#repeatAt) return
    this.#timeout = Math.min(this.#timeout * 2, LONGEST_TIMEOUT)
    this.#repeatAt = now + this.#timeout
    this.#transmit(first)
  }

  receive(bytes: Uint8Array, now: number): void {
    this.#now = now
    const segment = parsePacket(bytes)?.segment
    if (!segment || this.end === 'vanished') return
    if (this.end) {
      if (!(segment.flags & RST)) this.#transmit({ sequence: segment.acknowledgment, flags: RST })
      return
    }
    if (segment.flags & RST) this.#receiveReset(segment)
    else if (this.#passesTimestampRules(segment)) this.#receiveSegment(segment)
  }

  #receiveReset({ sequence }: TcpSegment): void {
    const ahead = seqDiff(sequence, this.#receiveNext)
    if (ahead === 0) this.end = 'reset'
    else if (ahead > 0 && ahead < this.#window) this.#acknowledge()
  }

  #passesTimestampRules({ timestamps, sequence, payload }: TcpSegment): boolean {
    if (!this.#options.clocks) return true
    if (!timestamps) return false
    if (seqBefore(timestamps.value, this.#newestTimestamp)) {
      this.#objectTo(payload.length)
      return false
    }
    if (seqDiff(sequence, this.#receiveNext) <= 0) this.#newestTimestamp = timestamps.value
    return true
  }

  #receiveSegment(segment: TcpSegment): void {
    const length = segment.payload.length + (segment.flags & FIN ? 1 : 0)
    const ahead = seqDiff(segment.sequence, this.#receiveNext)
    const isAcceptable = ahead < this.#window && (length === 0 ? ahead >= 0 : ahead + length > 0)
    if (!isAcceptable || seqBefore(this.#sendNext, segment.acknowledgment)) return this.#objectTo(length)
    this.#takeAcknowledgment(segment.acknowledgment)
    if (length === 0) return
    this.#early.set(segment.sequence, segment)
    const isNew = this.#takeInOrder()
    this.#acknowledge()
    if (isNew) this.onReceive()
  }

  /** To segments without payload at a limited rate, as kernels do: an answer to an answer must not go on for ever. */
  #objectTo(length: number): void {
    if (length === 0 && this.#now < this.#objectsAgainAt) return
    if (length === 0) this.#objectsAgainAt = this.#now + 500
    this.#acknowledge()
  }

  #takeAcknowledgment(acknowledgment: number): void {
    const before = this.#unacknowledged.length
    this.#unacknowledged = this.#unacknowledged.filter(({ sequence, payload, flags }) =>
      seqBefore(acknowledgment, seqAdd(sequence, payload.length + (flags & FIN ? 1 : 0))),
    )
    if (this.#unacknowledged.length === before) return
    this.#timeout = FIRST_TIMEOUT
    this.#repeatAt = this.#now + this.#timeout
  }

  #takeInOrder(): boolean {
    let isNew = false
    for (let next = this.#nextEarly(); next; next = this.#nextEarly()) {
      const fresh = next.payload.subarray(seqDiff(this.#receiveNext, next.sequence))
      this.received += String.fromCharCode(...fresh)
      this.hasOtherFinished = (next.flags & FIN) !== 0
      this.#receiveNext = seqAdd(this.#receiveNext, fresh.length + (this.hasOtherFinished ? 1 : 0))
      isNew = true
    }
    return isNew
  }

  /** A kept segment that has something new and no gap before it; those with nothing new are let go. */
  #nextEarly(): TcpSegment | undefined {
    for (const [key, segment] of this.#early) {
      const ahead = seqDiff(segment.sequence, this.#receiveNext)
      if (ahead > 0) continue
      this.#early.delete(key)
      if (!this.hasOtherFinished && ahead + segment.payload.length + (segment.flags & FIN ? 1 : 0) > 0) return segment
    }
    return undefined
  }

  #enqueue(payload: Uint8Array, flags: number): void {
    const queued = { sequence: this.#sendNext, payload, flags }
    this.#sendNext = seqAdd(this.#sendNext, payload.length + (flags & FIN ? 1 : 0))
    if (this.#unacknowledged.length === 0) this.#repeatAt = this.#now + this.#timeout
    this.#unacknowledged.push(queued)
    this.#transmit(queued)
  }

  #acknowledge(): void {
    this.#transmit({ sequence: this.#sendNext, flags: ACK })
  }

  #transmit({ sequence, flags, payload = new Uint8Array(0) }: Partial<Queued> & Omit<Queued, 'payload'>): void {
    const { envelope, port, otherPort, clocks, send } = this.#options
    send(
      emitPacket(envelope, {
        sourcePort: port,
        destinationPort: otherPort,
        sequence,
        acknowledgment: flags & ACK ? this.#receiveNext : 0,
        flags,
        window: this.#window,
        ...(clocks &&
          !(flags & RST) && { timestamps: { value: (clocks.own + this.#now) >>> 0, echo: this.#newestTimestamp } }),
        payload,
      }),
    )
  }
}
