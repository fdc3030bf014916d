/**
 * Watches a port for requests for challenges: packets and time in, events out. It is pure and bounded, and never
 * throws, whatever the bytes.
 */
import { Attempts } from './attempts.js'
import { readCaptured } from './captured-segment.js'
import type { WatchEvent } from './events.js'
import { Exchanges } from './exchanges.js'
import { DEFAULT_WATCH_LIMITS, type WatchLimits } from './limits.js'
import { Queries } from './queries.js'

/** Turns packets and the time into events. */
export class Watcher {
  readonly #exchanges: Exchanges
  readonly #queries: Queries
  readonly #attempts: Attempts
  #events: WatchEvent[] = []

  /** Watches the servers' port `port`. */
  constructor(port: number, limits: WatchLimits = DEFAULT_WATCH_LIMITS) {
    const tell = (event: WatchEvent) => void this.#events.push(event)
    let ids = 0
    const nextId = () => ++ids
    this.#exchanges = new Exchanges(port, limits, nextId, tell)
    this.#queries = new Queries(port, limits, nextId, tell)
    this.#attempts = new Attempts(port, limits, tell)
  }

  /**
   * Takes an IP packet, which may have been cut at its end and may be seen several times; `now` is when it passed, in
   * milliseconds since 1970.
   */
  take(packet: Uint8Array, now: number): readonly WatchEvent[] {
    const captured = readCaptured(packet)
    if (!captured) return []
    if ('datagram' in captured) this.#queries.take(captured, now)
    else {
      this.#attempts.take(captured, now)
      this.#exchanges.take(captured, now)
    }
    return this.#drain()
  }

  /** Reports what only the passing of time shows. To be called a few times a second. */
  tick(now: number): readonly WatchEvent[] {
    this.#attempts.tick(now)
    this.#exchanges.tick(now)
    this.#queries.tick(now)
    return this.#drain()
  }

  /** Reports what is known of the requests without an answer, and forgets them. */
  finish(now: number): readonly WatchEvent[] {
    this.#exchanges.finish(now)
    this.#queries.finish()
    return this.#drain()
  }

  /** What is remembered now: requests by TCP and UDP, and connection attempts. */
  get size(): { readonly exchanges: number; readonly attempts: number } {
    return { exchanges: this.#exchanges.size + this.#queries.size, attempts: this.#attempts.size }
  }

  #drain(): readonly WatchEvent[] {
    const events = this.#events
    if (events.length > 0) this.#events = []
    return events
  }
}
