/**
 * The requests that are followed. A connection is identified by the address and port of its client alone, and segments
 * by their sequence numbers. So a packet that passes several interfaces counts once: it does so twice over loopback,
 * and on a Docker host before and after the destination NAT.
 */
import { RST } from '../wire/tcp.js'
import { clientKey, type CapturedSegment } from './captured-segment.js'
import type { WatchEvent } from './events.js'
import { Exchange } from './exchange.js'
import type { WatchLimits } from './limits.js'
import type { Protocol } from './protocol.js'
import { watchedDns } from './watched-dns.js'
import { watchedHttp } from './watched-http.js'
import { watchedTls } from './watched-tls.js'

/** The first byte of a request is another in each: a letter, the type of a record, or the high byte of a length. */
const PROTOCOLS: readonly Protocol[] = [watchedHttp, watchedDns, watchedTls]

/** Follows requests, up to a limit, and reports what becomes of each. */
export class Exchanges {
  readonly #port: number
  readonly #limits: WatchLimits
  /** By client, oldest first. Only the newest request of each connection is kept. */
  readonly #exchanges = new Map<string, Exchange>()
  readonly #tell: (event: WatchEvent) => void
  readonly #nextId: () => number

  /** Watches the servers' port `port`. */
  constructor(port: number, limits: WatchLimits, nextId: () => number, tell: (event: WatchEvent) => void) {
    this.#port = port
    this.#limits = limits
    this.#nextId = nextId
    this.#tell = tell
  }

  take(captured: CapturedSegment, now: number): void {
    const { segment } = captured
    if (segment.destinationPort === this.#port) this.#fromClient(captured, now)
    if (segment.sourcePort === this.#port)
      this.#exchanges.get(clientKey(captured.ip.destination, segment.destinationPort))?.fromServer(captured, now)
  }

  #fromClient(captured: CapturedSegment, now: number): void {
    const { ip, segment } = captured
    const protocol = protocolOf(segment.payload)
    if (!protocol && this.#exchanges.size === 0) return
    const key = clientKey(ip.source, segment.sourcePort)
    const known = this.#exchanges.get(key)
    if (known && (known.covers(captured) || segment.flags & RST)) {
      known.fromClient(captured, now)
      if (!known.isOther) return
      // What looked like the start of a request was not one. This segment may be.
      this.#exchanges.delete(key)
    }
    if (protocol && !known?.follows(captured)) this.#begin(key, protocol, captured, now)
  }

  #begin(key: string, protocol: Protocol, captured: CapturedSegment, now: number): void {
    this.#forget(key, now)
    for (const oldest of this.#exchanges.keys()) {
      if (this.#exchanges.size < this.#limits.exchanges) break
      this.#forget(oldest, now)
    }
    const exchange = new Exchange(protocol, captured, now, this.#limits, this.#nextId, this.#tell)
    this.#exchanges.set(key, exchange)
    exchange.fromClient(captured, now)
  }

  #forget(key: string, now: number): void {
    this.#exchanges.get(key)?.giveUp(now)
    this.#exchanges.delete(key)
  }

  tick(now: number): void {
    for (const [key, exchange] of this.#exchanges) {
      exchange.tick(now)
      if (now - exchange.startedAt >= this.#limits.rememberedFor) this.#forget(key, now)
    }
  }

  /** Reports what is known of the requests without an answer, and forgets all. */
  finish(now: number): void {
    for (const key of [...this.#exchanges.keys()]) this.#forget(key, now)
  }

  /** Requests remembered now, ended ones included. */
  get size(): number {
    return this.#exchanges.size
  }
}

/** Returns the protocol of which a payload may be the start of a request for a challenge. */
function protocolOf(payload: Uint8Array): Protocol | undefined {
  return payload.length === 0 ? undefined : PROTOCOLS.find(({ read }) => read(payload) !== 'other')
}
