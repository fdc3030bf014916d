import { parsePacket } from '../../src/wire/packet.js'
import { emitPacket } from '../../src/wire/packet.js'
import { seqAdd } from '../../src/wire/sequence.js'
import { FIN, PSH } from '../../src/wire/tcp.js'

/** What a direction of the link does to packets: probabilities from 0 to 1, times in milliseconds. */
export interface Faults {
  readonly drop: number
  readonly duplicate: number
  /** A packet with more than one byte of payload arrives as two. */
  readonly split: number
  readonly delay: number
  /** Each packet takes up to this much longer: packets overtake each other when it is not 0. */
  readonly jitter: number
}

/** Faults end here, so that every exchange that can come to an end does: "always" can be said of it. */
export const CALM_AT = 8_000

interface Travelling {
  readonly arrivesAt: number
  readonly deliver: () => void
}

/** Random numbers in [0, 1), the same for the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/**
 * A link on a virtual clock, with any number of senders. What is late may be overtaken; nothing is changed but by
 * splitting.
 */
export class SimulatedLink {
  now = 0
  readonly #random: () => number
  readonly #travelling: Travelling[] = []

  constructor(seed: number) {
    this.#random = randomNumbers(seed)
  }

  get isEmpty(): boolean {
    return this.#travelling.length === 0
  }

  /** Puts a packet on the link; `deliver` is called when it arrives: never, once or twice, or for each part. */
  send(bytes: Uint8Array, faults: Faults, deliver: (bytes: Uint8Array) => void): void {
    const isCalm = this.now >= CALM_AT
    const happens = (probability: number) => !isCalm && this.#random() < probability
    for (const part of happens(faults.split) ? splitPacket(bytes, this.#random) : [bytes]) {
      if (happens(faults.drop)) continue
      for (let copies = happens(faults.duplicate) ? 2 : 1; copies > 0; copies--) {
        const jitter = isCalm ? 0 : Math.floor(this.#random() * faults.jitter)
        this.#travelling.push({ arrivesAt: this.now + faults.delay + jitter, deliver: () => deliver(part) })
      }
    }
  }

  /** Lets time pass, and what arrives in it arrive, in order of arrival and then of sending. */
  advance(until: number): void {
    for (let next = this.#takeNext(until); next; next = this.#takeNext(until)) {
      this.now = next.arrivesAt
      next.deliver()
    }
    this.now = until
  }

  #takeNext(until: number): Travelling | undefined {
    let first: Travelling | undefined
    for (const one of this.#travelling)
      if (one.arrivesAt <= until && (!first || one.arrivesAt < first.arrivesAt)) first = one
    if (first) this.#travelling.splice(this.#travelling.indexOf(first), 1)
    return first
  }
}

function splitPacket(bytes: Uint8Array, random: () => number): Uint8Array[] {
  const packet = parsePacket(bytes)
  if (!packet || packet.segment.payload.length < 2) return [bytes]
  const { ip, segment } = packet
  const middle = 1 + Math.floor(random() * (segment.payload.length - 1))
  return [
    emitPacket(ip, { ...segment, flags: segment.flags & ~(FIN | PSH), payload: segment.payload.subarray(0, middle) }),
    emitPacket(ip, {
      ...segment,
      sequence: seqAdd(segment.sequence, middle),
      payload: segment.payload.subarray(middle),
    }),
  ]
}
