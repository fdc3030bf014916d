/**
 * The DNS queries by UDP that are followed. One is identified by the address and port of its client and by its
 * identifier. So one that is repeated, or passes several interfaces, counts once, as a request by TCP does.
 */
import { formatAddress } from '../wire/address.js'
import { FLAGS } from '../wire/dns/dns.js'
import type { DnsQuery } from '../wire/dns/dns-query.js'
import { read16 } from '../wire/ip.js'
import { clientKey, type CapturedDatagram } from './captured-segment.js'
import { readChallengeQuery, readResponseHead, shownQuery } from './dns-message.js'
import type { WatchedAnswer, WatchedRequest, WatchEvent } from './events.js'
import type { WatchLimits } from './limits.js'

/** A query that has been told of. */
interface Followed {
  readonly request: WatchedRequest
  /** The identifier, which a response repeats. */
  readonly id: number
  /** Name and type. */
  readonly question: string
  /** Nothing more is told of it. It stays for a while, so that it is recognised when it is repeated. */
  hasEnded: boolean
  isSilenceTold: boolean
}

/** Follows queries, up to a limit, and reports what becomes of each. */
export class Queries {
  readonly #port: number
  readonly #limits: WatchLimits
  readonly #nextId: () => number
  readonly #tell: (event: WatchEvent) => void
  /** By client and identifier, oldest first. */
  readonly #queries = new Map<string, Followed>()

  /** Watches the servers' port `port`. */
  constructor(port: number, limits: WatchLimits, nextId: () => number, tell: (event: WatchEvent) => void) {
    this.#port = port
    this.#limits = limits
    this.#nextId = nextId
    this.#tell = tell
  }

  take(captured: CapturedDatagram, now: number): void {
    const { sourcePort, destinationPort, payload } = captured.datagram
    const isResponse = (read16(payload, 2) & FLAGS.response) !== 0
    if (isResponse && sourcePort === this.#port) this.#answer(captured, now)
    if (isResponse || destinationPort !== this.#port) return
    const query = readChallengeQuery(payload)
    if (query) this.#ask(captured, query, now)
  }

  #ask({ ip, datagram }: CapturedDatagram, query: DnsQuery, now: number): void {
    const { sourcePort, destinationPort } = datagram
    const key = `${clientKey(ip.source, sourcePort)} ${query.id}`
    const question = `${query.type} ${query.name}`
    if (this.#queries.get(key)?.question === question) return
    this.#forget(key)
    for (const oldest of this.#queries.keys()) {
      if (this.#queries.size < this.#limits.exchanges) break
      this.#forget(oldest)
    }
    const request: WatchedRequest = {
      id: this.#nextId(),
      at: now,
      family: ip.version,
      client: { address: formatAddress(ip.source), port: sourcePort },
      server: { address: formatAddress(ip.destination), port: destinationPort },
      ...shownQuery(query, 'udp'),
    }
    this.#queries.set(key, { request, id: query.id, question, hasEnded: false, isSilenceTold: false })
    this.#tell({ event: 'request', request })
  }

  #answer({ ip, datagram }: CapturedDatagram, now: number): void {
    const { destinationPort, payload } = datagram
    const followed = this.#queries.get(`${clientKey(ip.destination, destinationPort)} ${read16(payload, 0)}`)
    const answer = followed && readResponseHead(payload, followed.id)
    if (!answer || followed.hasEnded) return
    followed.hasEnded = true
    this.#tellAnswer(followed, { ...answer, milliseconds: Math.max(0, now - followed.request.at) })
  }

  tick(now: number): void {
    for (const [key, followed] of this.#queries) {
      const waited = now - followed.request.at
      if (waited >= this.#limits.silentFor && !followed.hasEnded && !followed.isSilenceTold) {
        followed.isSilenceTold = true
        this.#tellAnswer(followed, { outcome: 'silent', milliseconds: waited })
      }
      if (waited >= this.#limits.rememberedFor) this.#forget(key)
    }
  }

  /** Reports the queries without an answer, and forgets all. */
  finish(): void {
    for (const key of [...this.#queries.keys()]) this.#forget(key)
  }

  #forget(key: string): void {
    const followed = this.#queries.get(key)
    this.#queries.delete(key)
    if (followed && !followed.hasEnded && !followed.isSilenceTold) this.#tellAnswer(followed, { outcome: 'unknown' })
  }

  #tellAnswer({ request }: Followed, answer: WatchedAnswer): void {
    this.#tell({ event: 'answer', request, answer })
  }

  /** Queries remembered now, ended ones included. */
  get size(): number {
    return this.#queries.size
  }
}
