/**
 * Decides about each queued packet: let it pass, take its connection over, or answer it. Pure: no I/O, no clock. In
 * doubt a packet passes. It is kept from the server only when its connection is known to be for one of our services.
 */
import { parsePacket, turnIntoReset, type TcpPacket } from '../wire/packet.js'
import { seqAdd } from '../wire/sequence.js'
import { StreamStart } from '../wire/stream-start.js'
import { ACK, FIN, RST, SYN, type TcpSegment } from '../wire/tcp.js'
import { FlowTable } from './flow-table.js'
import { DEFAULT_LIMITS, type Limits } from './limits.js'
import { RecentFlows } from './recent-flows.js'
import type { Answer, Recognised, Service } from './service.js'
import { TcpPeer, type TakeOver } from './tcp-peer.js'

/**
 * What becomes of the packet, and what we send to its sender. `release` lets it pass and says that nothing is known of
 * its connection: no further packet of it is needed here until one begins a request. `again` says that the packet
 * begins one, but may have come into the queue before such a release. It has to pass the rules once more, so that its
 * connection is followed again.
 */
export interface Decision {
  readonly verdict: 'accept' | 'release' | 'again' | 'drop' | { readonly replace: Uint8Array }
  /** Whole IP packets, addressed to the client. */
  readonly replies: readonly Uint8Array[]
  readonly events: readonly FlowEvent[]
}

/** An event for log and status. */
export interface FlowEvent {
  readonly kind: 'takenOver' | 'answered' | 'acknowledged' | 'abandoned' | 'unknownToken'
  /** What was requested: a token with http-01, a name with dns-01. */
  readonly key: string
  /** 4 or 16 bytes. */
  readonly client: Uint8Array
  readonly clientPort: number
  /** What was answered, from `answered` on. */
  readonly answer?: Answer
  /** Absent with TCP. By UDP nobody acknowledges an answer, so `answered` is its last event. */
  readonly transport?: 'udp'
}

/** A connection that may turn out to be for us. */
interface Watched {
  readonly start: StreamStart
  expiresAt: number
}

/** A connection that was taken over. */
interface Taken {
  readonly key: string
  readonly peer: TcpPeer
  isAnswerTold: boolean
  isAcknowledgmentTold: boolean
}

const ACCEPT: Decision = { verdict: 'accept', replies: [], events: [] }
const RELEASE: Decision = { verdict: 'release', replies: [], events: [] }
const AGAIN: Decision = { verdict: 'again', replies: [], events: [] }
const DROP: Decision = { verdict: 'drop', replies: [], events: [] }

/** Decides about packets for the services it is given. */
export class Interceptor {
  readonly #services: readonly Service[]
  readonly #limits: Limits
  readonly #onOutput: () => void
  readonly #longestStart: number
  readonly #watched: FlowTable<Watched>
  readonly #taken: FlowTable<Taken>
  readonly #released: RecentFlows

  /** `onOutput` is called when a service sends something by itself. Then `poll` has packets to send. */
  constructor(services: readonly Service[], limits: Limits = DEFAULT_LIMITS, onOutput: () => void = () => undefined) {
    this.#services = services
    this.#limits = limits
    this.#onOutput = onOutput
    this.#longestStart = Math.max(...services.map(({ longestStart }) => longestStart))
    this.#watched = new FlowTable(limits.watched, { of: ({ start }) => start.size, limit: limits.watchedBytes })
    this.#taken = new FlowTable(limits.taken)
    this.#released = new RecentFlows(limits.released)
  }

  /**
   * Decides about one IP packet on its way to the server. `now` in milliseconds, on any clock that only goes forward.
   * Never throws.
   */
  decide(bytes: Uint8Array, now: number): Decision {
    const packet = parsePacket(bytes)
    if (!packet) return ACCEPT
    const flow = flowKey(packet)
    const { flags } = packet.segment
    if (flags & SYN) return this.#meetSyn(flow, packet.segment)
    const taken = this.#taken.of(flow).find(({ peer }) => peer.isFor(packet.segment))
    if (taken) return this.#answer(taken, packet, now)
    if (flags & RST || !(flags & ACK)) this.#forgetReset(flow, packet.segment)
    else if (packet.segment.payload.length > 0) return this.#watch(bytes, flow, packet, now)
    return this.#pass(flow)
  }

  /**
   * Does what is due: sends what services have to send, repeats what is not acknowledged, forgets what is too old.
   * Returns the packets to send.
   */
  poll(now: number): { replies: readonly Uint8Array[]; events: readonly FlowEvent[] } {
    const replies: Uint8Array[] = []
    const events: FlowEvent[] = []
    for (const watched of this.#watched) if (now >= watched.expiresAt) this.#watched.delete(watched)
    for (const taken of this.#taken) {
      replies.push(...taken.peer.poll(now))
      events.push(...this.#news(taken))
    }
    return { replies, events }
  }

  /** The number of connections remembered, of any kind. While it is 0 there is nothing to poll for. */
  get flows(): number {
    return this.#watched.size + this.#taken.size
  }

  /** The number of flows that were forgotten because there were too many at once. */
  get evicted(): number {
    return this.#watched.evicted + this.#taken.evicted
  }

  /** Bytes of memory for requests that are not complete. */
  get bytesHeld(): number {
    return this.#watched.weight
  }

  /** The limits of `flows` and `bytesHeld`. */
  get bounds(): { readonly flows: number; readonly bytesHeld: number } {
    return { flows: this.#limits.watched + this.#limits.taken, bytesHeld: this.#limits.watchedBytes }
  }

  /** The number of connections taken over that are not closed yet. */
  get openFlows(): number {
    let open = 0
    for (const { peer } of this.#taken) if (peer.isOpen) open++
    return open
  }

  /**
   * Handles a SYN. Nothing is forgotten because of it, since anybody may have sent it (RFC 5961, 4.2). It passes unless
   * a connection with these addresses and ports is open here. The server no longer has that connection, so it would
   * answer the SYN, and connection tracking would follow that answer. A client that really begins a new connection
   * answers our acknowledgment with a RST, and its next SYN passes.
   */
  #meetSyn(flow: string, { sequence }: TcpSegment): Decision {
    const first = seqAdd(sequence, 1)
    const taken = this.#taken.of(flow)
    // This is the SYN that opened the connection, late or repeated.
    if (taken.some(({ peer }) => peer.firstSequence === first)) return DROP
    const open = taken.filter(({ peer }) => peer.isOpen)
    return open.length > 0 ? { ...DROP, replies: open.flatMap(({ peer }) => peer.challenge()) } : ACCEPT
  }

  /** Forgets a start on a RST, but only on one at exactly the next sequence number (RFC 5961, 3.2). */
  #forgetReset(flow: string, { flags, sequence }: TcpSegment): void {
    if (!(flags & RST)) return
    for (const watched of this.#watched.of(flow))
      if (watched.start.nextSequence === sequence) this.#watched.delete(watched)
  }

  /** Lets the packet pass to the server, and releases its connection when nothing is known of it. */
  #pass(flow: string): Decision {
    if (this.#watched.of(flow).length + this.#taken.of(flow).length > 0) return ACCEPT
    this.#released.add(flow)
    return RELEASE
  }

  /** Handles a segment of a connection that may turn out to be for us. */
  #watch(bytes: Uint8Array, flow: string, packet: TcpPacket, now: number): Decision {
    const { segment } = packet
    const { found, read } = this.#read(flow, segment)
    if (read?.recognised === 'partial' && !(segment.flags & FIN)) {
      const expiresAt = now + this.#limits.watchedFor
      if (found) found.expiresAt = expiresAt
      this.#watched.set(flow, found ?? { start: read.start, expiresAt })
      return ACCEPT
    }
    if (found) this.#watched.delete(found)
    if (!read || read.recognised === 'partial') return this.#pass(flow)
    const { key, open } = read.recognised
    if (open && !found && this.#released.delete(flow)) return AGAIN
    if (open) return this.#takeOver(bytes, flow, packet, { ...read, key, open, onOutput: this.#onOutput }, now)
    return {
      ...this.#pass(flow),
      events: [{ kind: 'unknownToken', key, client: packet.ip.source.slice(), clientPort: segment.sourcePort }],
    }
  }

  /** Reads a segment as a continuation of a known start, or as a start. */
  #read(flow: string, segment: TcpSegment): { found?: Watched; read: Extended | undefined } {
    for (const found of this.#watched.of(flow)) {
      if (!found.start.covers(segment.sequence, segment.payload.length)) continue
      const read = this.#extend(found.start, segment)
      if (read) return { found, read }
      // That start may have been the end of the request before. Then this segment may be the start.
      this.#watched.delete(found)
    }
    return { read: this.#extend(new StreamStart(segment.sequence, this.#longestStart), segment) }
  }

  /**
   * Adds a segment to the start of a stream, and reads the start as it is then. Returns `undefined` when it is for no
   * service. It is kept as far as the services need it that it may still be for.
   */
  #extend(start: StreamStart, segment: TcpSegment): Extended | undefined {
    const { bytes: before, nextSequence } = start
    start.add(segment.sequence, segment.payload)
    let needed = 0
    for (const { recognise, longestStart } of this.#services) {
      const recognised = recognise(start.bytes)
      if (typeof recognised === 'object') return { start, before, nextSequence, recognised }
      if (recognised === 'partial') needed = Math.max(needed, longestStart)
    }
    if (needed === 0) return undefined
    start.narrow(needed)
    return { start, before, nextSequence, recognised: 'partial' }
  }

  /**
   * Takes the connection over. The packet goes on to the server as a RST, at the sequence number that the server's
   * kernel expects next: it answers any other with an ACK (RFC 5961, 3.2). The payload goes to the service.
   */
  #takeOver(bytes: Uint8Array, flow: string, packet: TcpPacket, known: Known, now: number): Decision {
    const { ip, segment } = packet
    const envelope = { version: ip.version, source: ip.destination.slice(), destination: ip.source.slice() }
    const taken = {
      key: known.key,
      peer: new TcpPeer({ envelope, segment, ...known }, this.#limits, now),
      isAnswerTold: false,
      isAcknowledgmentTold: false,
    }
    this.#taken.set(flow, taken)
    const replies = taken.peer.receive(segment, now)
    const events = [eventOf('takenOver', taken), ...this.#news(taken)]
    return { verdict: { replace: turnIntoReset(bytes, packet, known.nextSequence) }, replies, events }
  }

  #answer(taken: Taken, packet: TcpPacket, now: number): Decision {
    const replies = taken.peer.receive(packet.segment, now)
    return { ...DROP, replies, events: this.#news(taken) }
  }

  /** Returns the new events of a connection. Forgets a connection that is over. */
  #news(taken: Taken): FlowEvent[] {
    const { peer } = taken
    const events: FlowEvent[] = []
    if (peer.answer && !taken.isAnswerTold) {
      taken.isAnswerTold = true
      events.push(eventOf('answered', taken))
    }
    if (peer.answer && (peer.isAcknowledged || peer.isReceived) && !taken.isAcknowledgmentTold) {
      taken.isAcknowledgmentTold = true
      events.push(eventOf('acknowledged', taken))
    }
    if (peer.state === 'over') {
      this.#taken.delete(taken)
      if (!taken.isAcknowledgmentTold) events.push(eventOf('abandoned', taken))
    }
    return events
  }
}

interface Extended {
  readonly start: StreamStart
  readonly before: Uint8Array
  readonly nextSequence: number
  readonly recognised: Recognised | 'partial'
}

/** What is known of a stream when a segment shows which service it is for. See `TakeOver`. */
type Known = Pick<TakeOver, 'before' | 'nextSequence' | 'open' | 'onOutput'> & Pick<Recognised, 'key'>

function eventOf(kind: FlowEvent['kind'], { key, peer }: Taken): FlowEvent {
  return {
    kind,
    key,
    client: peer.client,
    clientPort: peer.clientPort,
    ...(peer.answer && kind !== 'takenOver' && { answer: peer.answer }),
  }
}

/** Returns the 4-tuple as a map key. Each character is one byte or one port. */
function flowKey({ ip, segment }: TcpPacket): string {
  return String.fromCharCode(...ip.source, segment.sourcePort, ...ip.destination, segment.destinationPort)
}
