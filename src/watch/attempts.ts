import { formatAddress } from '../wire/address.js'
import { ACK, RST, SYN } from '../wire/tcp.js'
import { clientKey, type CapturedSegment } from './captured-segment.js'
import type { Attempt, WatchEvent } from './events.js'
import type { WatchLimits } from './limits.js'

/**
 * Notes connection attempts to the port that fail. Whoever drops or refuses them is the reason why no request is seen.
 */
export class Attempts {
  readonly #port: number
  readonly #limits: WatchLimits
  readonly #tell: (event: WatchEvent) => void
  /** By client, oldest first. Reported ones stay for a while, so that a repeated SYN is not reported again. */
  readonly #attempts = new Map<string, Omit<Attempt, 'outcome'> & { isTold: boolean }>()

  /** Watches attempts to the port `port`. */
  constructor(port: number, limits: WatchLimits, tell: (event: WatchEvent) => void) {
    this.#port = port
    this.#limits = limits
    this.#tell = tell
  }

  take({ ip, segment }: CapturedSegment, now: number): void {
    const { flags, sourcePort, destinationPort } = segment
    if (destinationPort === this.#port && (flags & (SYN | ACK)) === SYN) {
      const key = clientKey(ip.source, sourcePort)
      if (this.#attempts.has(key)) return
      this.#makeRoom()
      const client = { address: formatAddress(ip.source), port: sourcePort }
      const server = { address: formatAddress(ip.destination), port: destinationPort }
      this.#attempts.set(key, { at: now, family: ip.version, client, server, isTold: false })
    } else if (sourcePort === this.#port && flags & (SYN | RST) && this.#attempts.size > 0) {
      const key = clientKey(ip.destination, destinationPort)
      if (flags & RST) this.#fail(key, 'refused')
      this.#attempts.delete(key)
    }
  }

  tick(now: number): void {
    for (const [key, { at }] of this.#attempts) {
      if (now - at >= this.#limits.attemptFor) this.#fail(key, 'unanswered')
      if (now - at >= this.#limits.rememberedFor) this.#attempts.delete(key)
    }
  }

  get size(): number {
    return this.#attempts.size
  }

  #makeRoom(): void {
    for (const oldest of this.#attempts.keys()) {
      if (this.#attempts.size < this.#limits.attempts) break
      this.#attempts.delete(oldest)
    }
  }

  #fail(key: string, outcome: Attempt['outcome']): void {
    const known = this.#attempts.get(key)
    if (!known || known.isTold) return
    known.isTold = true
    const { at, family, client, server } = known
    this.#tell({ event: 'attempt', attempt: { at, family, client, server, outcome } })
  }
}
