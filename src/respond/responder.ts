/**
 * The decision about each queued packet: let it pass, take its connection over, or answer it. Pure: no I/O, no clock.
 * "Pass until certain": a packet is only kept from the server once its connection's request line is known to be a challenge of ours.
 */
import { readRequestLine, type ChallengeRequest, type Method } from '../wire/http.js'
import { parsePacket, turnIntoReset, type TcpPacket } from '../wire/packet.js'
import { seqAdd } from '../wire/sequence.js'
import { ACK, FIN, RST, SYN, type TcpSegment } from '../wire/tcp.js'
import { DEFAULT_LIMITS, type Limits } from './limits.js'
import { RequestStart } from './request-start.js'
import { TakenFlow, type TakeOver } from './taken-flow.js'

/** What becomes of the packet itself, and what we send to its sender. */
export interface Decision {
  readonly verdict: 'accept' | 'drop' | { readonly replace: Uint8Array }
  /** Whole IP packets, addressed to the client. */
  readonly replies: readonly Uint8Array[]
  readonly events: readonly FlowEvent[]
}

/** Something a log or a status wants to know. `client` is 4 or 16 bytes. */
export interface FlowEvent {
  readonly kind: 'taken over' | 'answered' | 'acknowledged' | 'abandoned' | 'unknown token'
  readonly token: string
  readonly client: Uint8Array
  readonly clientPort: number
  readonly method: Method
}

interface Watched {
  readonly start: RequestStart
  readonly expiresAt: number
}

const ACCEPT: Decision = { verdict: 'accept', replies: [], events: [] }

export class Responder {
  /** Flows forgotten because there were too many at once. */
  evicted = 0
  readonly #challenges: ReadonlyMap<string, string>
  readonly #limits: Limits
  readonly #watched = new Map<string, Watched>()
  readonly #taken = new Map<string, TakenFlow>()

  /** `challenges`: token to key authorization; looked at anew for each packet. */
  constructor(challenges: ReadonlyMap<string, string>, limits: Limits = DEFAULT_LIMITS) {
    this.#challenges = challenges
    this.#limits = limits
  }

  /** Decides about one IP packet on its way to the server. `now` in milliseconds, on any clock that only goes forward. Never throws. */
  decide(bytes: Uint8Array, now: number): Decision {
    const packet = parsePacket(bytes)
    if (!packet) return ACCEPT
    const key = flowKey(packet)
    const { flags } = packet.segment
    if (flags & SYN) return this.#meetSyn(key, packet.segment)
    const flow = this.#taken.get(key)
    if (flow?.isSucceededBy(packet.segment)) this.#taken.delete(key)
    else if (flow) return this.#answer(key, flow, packet, now)
    if (flags & RST || !(flags & ACK)) {
      this.#watched.delete(key)
      return ACCEPT
    }
    return packet.segment.payload.length > 0 ? this.#watch(bytes, key, packet, now) : ACCEPT
  }

  /** Does what is due: repeats unacknowledged replies, forgets what is too old. Gives the packets to send. */
  tick(now: number): { replies: readonly Uint8Array[]; events: readonly FlowEvent[] } {
    const replies: Uint8Array[] = []
    const events: FlowEvent[] = []
    for (const [key, watched] of this.#watched) if (now >= watched.expiresAt) this.#watched.delete(key)
    for (const [key, flow] of this.#taken) {
      replies.push(...flow.tick(now))
      if (flow.state === 'over') events.push(...this.#forget(key, flow))
    }
    return { replies, events }
  }

  /** Connections remembered, of any kind: while it is 0 there is nothing to tick for. */
  get flows(): number {
    return this.#watched.size + this.#taken.size
  }

  /** Bytes kept of request lines that are not complete. */
  get bytesHeld(): number {
    return this.#watched.size * RequestStart.size
  }

  /** What `flows` and `bytesHeld` never exceed. */
  get bounds(): { readonly flows: number; readonly bytesHeld: number } {
    return { flows: this.#limits.watched + this.#limits.taken, bytesHeld: this.#limits.watched * RequestStart.size }
  }

  /** Connections taken over that are not closed yet. */
  get openFlows(): number {
    let open = 0
    for (const flow of this.#taken.values()) if (flow.state === 'receiving' || flow.state === 'closing') open++
    return open
  }

  /**
   * A new connection from a client port used before: whatever is known of the old one is void. But the SYN that opened the
   * connection may come late or twice: the client is not to hear of it from a server that knows the connection no more.
   */
  #meetSyn(key: string, { sequence }: TcpSegment): Decision {
    const first = seqAdd(sequence, 1)
    if (this.#taken.get(key)?.firstSequence === first) return { ...ACCEPT, verdict: 'drop' }
    if (this.#watched.get(key)?.start.sequence === first) return ACCEPT
    this.#taken.delete(key)
    this.#watched.delete(key)
    return ACCEPT
  }

  /** A segment of a connection that may turn out to be for us. */
  #watch(bytes: Uint8Array, key: string, packet: TcpPacket, now: number): Decision {
    const { segment } = packet
    const watched = this.#watched.get(key)
    const isElsewhere = watched && !watched.start.covers(segment.sequence, segment.payload.length)
    // What looked like the start of a request may have been the end of the one before: then this segment may be the start.
    const read = (watched && !isElsewhere && extend(watched.start, segment)) || extend(new RequestStart(segment.sequence), segment)
    if (isElsewhere && !read) return ACCEPT
    if (read?.request === 'partial' && !(segment.flags & FIN)) {
      const entry = { start: read.start, expiresAt: now + this.#limits.watchedFor }
      this.#remember(this.#watched, key, entry, this.#limits.watched)
      return ACCEPT
    }
    if (watched) this.#watched.delete(key)
    if (!read || read.request === 'partial') return ACCEPT
    const keyAuthorization = this.#challenges.get(read.request.token)
    if (keyAuthorization === undefined) return { ...ACCEPT, events: [unknownToken(read.request, packet)] }
    return this.#takeOver(bytes, key, packet, { ...read, request: read.request, keyAuthorization }, now)
  }

  /**
   * The packet goes on to the server as a RST at the sequence number its kernel waits for (RFC 5961, 3.2: any other would
   * only provoke an ACK from it), and what the packet carried is ours.
   */
  #takeOver(bytes: Uint8Array, key: string, packet: TcpPacket, known: Known, now: number): Decision {
    const { ip, segment } = packet
    const envelope = { version: ip.version, source: ip.destination.slice(), destination: ip.source.slice() }
    const flow = new TakenFlow({ envelope, segment, ...known }, this.#limits, now)
    this.#remember(this.#taken, key, flow, this.#limits.taken)
    const replies = flow.receive(segment, now)
    const events = [eventOf('taken over', flow)]
    if (flow.isAnswered) events.push(eventOf('answered', flow))
    return { verdict: { replace: turnIntoReset(bytes, packet, known.nextSequence) }, replies, events }
  }

  #answer(key: string, flow: TakenFlow, packet: TcpPacket, now: number): Decision {
    const { isAnswered, isAcknowledged } = flow
    const replies = flow.receive(packet.segment, now)
    const events: FlowEvent[] = []
    if (!isAnswered && flow.isAnswered) events.push(eventOf('answered', flow))
    if (!isAcknowledged && flow.isAcknowledged && flow.isAnswered) events.push(eventOf('acknowledged', flow))
    if (flow.state === 'over') events.push(...this.#forget(key, flow))
    return { verdict: 'drop', replies, events }
  }

  #forget(key: string, flow: TakenFlow): FlowEvent[] {
    this.#taken.delete(key)
    return flow.isAnswered && flow.isAcknowledged ? [] : [eventOf('abandoned', flow)]
  }

  /** Sets an entry as the newest of a bounded map, and drops the oldest ones beyond the bound. */
  #remember<Entry>(map: Map<string, Entry>, key: string, entry: Entry, limit: number): void {
    map.delete(key)
    map.set(key, entry)
    for (const oldest of map.keys()) {
      if (map.size <= limit) break
      map.delete(oldest)
      this.evicted++
    }
  }
}

/** What is known of a request when a segment completes its line; see `TakeOver`. */
type Known = Pick<TakeOver, 'before' | 'nextSequence' | 'request' | 'keyAuthorization'>

interface Extended {
  readonly start: RequestStart
  readonly before: Uint8Array
  readonly nextSequence: number
  readonly request: ChallengeRequest | 'partial'
}

/** Adds a segment to the start of a request, and reads that as it is then; `undefined` when it is none of ours. */
function extend(start: RequestStart, segment: TcpSegment): Extended | undefined {
  const { bytes: before, nextSequence } = start
  start.add(segment.sequence, segment.payload)
  const request = readRequestLine(start.bytes)
  return request === 'other' ? undefined : { start, before, nextSequence, request }
}

function eventOf(kind: FlowEvent['kind'], flow: TakenFlow): FlowEvent {
  return { kind, ...flow.request, client: flow.client, clientPort: flow.clientPort }
}

function unknownToken(request: ChallengeRequest, { ip, segment }: TcpPacket): FlowEvent {
  return { kind: 'unknown token', ...request, client: ip.source.slice(), clientPort: segment.sourcePort }
}

/** The 4-tuple as a map key; each character is one byte or one port. */
function flowKey({ ip, segment }: TcpPacket): string {
  return String.fromCharCode(...ip.source, segment.sourcePort, ...ip.destination, segment.destinationPort)
}
