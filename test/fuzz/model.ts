/**
 * What must be true of every decision, as simple as possible: which bytes were sent on each flow, and which flows were
 * taken over. It allows more than the interceptor does, but nothing that is wrong: every verdict but `accept` and
 * `release` needs its evidence here.
 */
import type { Decision } from '../../src/intercept/interceptor.js'
import type { Limits } from '../../src/intercept/limits.js'
import { observe, type ObservedPacket } from './observed-packet.js'

const SYN = 0x02
const RST = 0x04
const ACK = 0x10

/** What a flow has said since its beginning, in any order. */
interface Said {
  segments: ObservedPacket[]
  at: number
}

interface Taken {
  readonly request: Request
  readonly at: number
}

/** What may be asked for, and how it is answered. */
export interface Request {
  /** Whether these segments of a flow, in the order of their coming, ask for it. */
  readonly isSaidBy: (segments: readonly ObservedPacket[]) => boolean
  /** Whether one segment of the answer may have this payload, a character for a byte. */
  readonly mayAnswer: (text: string) => boolean
  /** How many segments may be sent back for one packet. */
  readonly mostReplies: number
}

/** A decision that must not be. */
export class WrongDecision extends Error {}

export class Model {
  readonly #isArmed: (key: string) => boolean
  readonly #known: ReadonlyMap<string, Request>
  readonly #limits: Limits
  readonly #said = new Map<string, Said>()
  /** Several of a flow: who sends with a client's address and port need not be the client. */
  readonly #taken = new Map<string, Taken[]>()
  #sweptAt = 0

  /** `isArmed`: of a key, as the interceptor sees it; `known`: all that ever may be asked for, by their keys. */
  constructor(isArmed: (key: string) => boolean, known: ReadonlyMap<string, Request>, limits: Limits) {
    this.#isArmed = isArmed
    this.#known = known
    this.#limits = limits
  }

  /** Looks at a decision about `packet`, of which `copy` was made before. @throws WrongDecision */
  check(packet: Uint8Array, copy: Uint8Array, { verdict, replies, events }: Decision, now: number): void {
    if (Buffer.compare(packet, copy) !== 0) throw new WrongDecision('the packet’s own bytes were changed')
    if (now - this.#sweptAt > 1_000) this.sweep(now)
    const observed = observe(packet)
    if (observed) this.#listen(observed, now)
    if (verdict === 'accept' || verdict === 'release') {
      if (replies.length > 0) throw new WrongDecision('a reply to a packet that is the server’s')
      return
    }
    if (!observed) throw new WrongDecision('no TCP packet, and yet not accepted')
    if (verdict === 'again') {
      if (replies.length + events.length > 0) throw new WrongDecision('more than another pass through the rules')
      return
    }
    if (verdict !== 'drop') {
      const token = events.find(({ kind }) => kind === 'takenOver')?.key ?? ''
      const request = this.#checkTakeOver(observed, token)
      checkReset(packet, observed, verdict.replace)
      const taken = { request, at: now }
      this.#taken.set(observed.key, [...(this.#taken.get(observed.key) ?? []), taken])
    }
    this.checkReplies(replies, observed.key)
  }

  /**
   * Looks at packets that were sent: to `key`’s client where given, else to that of any flow taken over. @throws
   * WrongDecision
   */
  checkReplies(replies: readonly Uint8Array[], key?: string): void {
    if (key !== undefined && !this.#taken.has(key))
      throw new WrongDecision('dropped a packet of a flow that was not taken over')
    const most = (this.#taken.get(key ?? '') ?? []).reduce((sum, { request }) => sum + request.mostReplies, 0)
    if (key !== undefined && replies.length > most) throw new WrongDecision(`${replies.length} replies to one packet`)
    for (const reply of replies) {
      const sent = observe(reply, true)
      if (!sent) throw new WrongDecision('a reply that is no valid packet')
      const back = sent.destination + sent.source + ports(sent.destinationPort, sent.sourcePort)
      const taken = this.#taken.get(back) ?? []
      if (taken.length === 0 || (key !== undefined && back !== key)) throw new WrongDecision('a reply to somebody else')
      const text = sent.payload.toString('latin1')
      if (!taken.some(({ request }) => request.mayAnswer(text))) throw new WrongDecision('a reply with another text')
      if (sent.flags & SYN) throw new WrongDecision('a reply with SYN')
    }
  }

  /** Forgets what the interceptor must have forgotten. */
  sweep(now: number): void {
    this.#sweptAt = now
    const { watchedFor, takenFor, closedFor } = this.#limits
    for (const [key, { at }] of this.#said) if (now - at > watchedFor + TURN) this.#said.delete(key)
    for (const [key, all] of this.#taken) {
      const young = all.filter(({ at }) => now - at <= takenFor + closedFor + TURN)
      if (young.length > 0) this.#taken.set(key, young)
      else this.#taken.delete(key)
    }
  }

  /** How many flows the model keeps in mind. */
  get size(): number {
    return this.#said.size + this.#taken.size
  }

  #listen(observed: ObservedPacket, now: number): void {
    const { key, flags, payload } = observed
    if (flags & (SYN | RST) || !(flags & ACK) || payload.length === 0) return
    const said = this.#said.get(key)
    if (!said) {
      this.#said.set(key, { segments: [observed], at: now })
      return
    }
    said.at = now
    said.segments.push(observed)
    if (said.segments.length > MOST_SEGMENTS) said.segments.shift()
  }

  #checkTakeOver(observed: ObservedPacket, key: string): Request {
    if (observed.flags & SYN) throw new WrongDecision('a SYN that takes a flow over')
    const request = this.#known.get(key)
    if (!request || !this.#isArmed(key))
      throw new WrongDecision(`taken over for ${JSON.stringify(key)}, which is not armed`)
    if (!request.isSaidBy(this.#said.get(observed.key)?.segments ?? []))
      throw new WrongDecision(`taken over for ${key}, which nobody has asked for on this flow`)
    return request
  }
}

/** More than any script says on one flow. */
const MOST_SEGMENTS = 1_024

/** The interceptor is polled for what is due every 100 ms. */
const TURN = 200

function checkReset(packet: Uint8Array, observed: ObservedPacket, replacement: Uint8Array): void {
  const reset = observe(replacement, true)
  if (!reset || replacement.length !== observed.ipHeaderLength + 20)
    throw new WrongDecision('the RST is no valid packet')
  if (reset.flags !== RST || reset.key !== observed.key) throw new WrongDecision('the RST is none, or of another flow')
  const ahead = (reset.sequence - observed.sequence) | 0
  if (ahead > observed.payload.length) throw new WrongDecision('the RST is ahead of the packet it replaces')
  for (let at = 0; at < observed.ipHeaderLength; at++) {
    const mayDiffer = observed.version === 4 ? [2, 3, 10, 11].includes(at) : [4, 5].includes(at)
    if (!mayDiffer && replacement[at] !== packet[at])
      throw new WrongDecision(`the RST differs in byte ${at} of the IP header`)
  }
}

function ports(source: number, destination: number): string {
  return String.fromCharCode(source >> 8, source & 0xff, destination >> 8, destination & 0xff)
}
