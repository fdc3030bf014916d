/**
 * The target "packet to decision": interceptors with ordinary and with tiny limits, each with traffic and a model of
 * its own.
 */
import { DEFAULT_LIMITS, type Limits } from '../../src/intercept/limits.js'
import { http01Service } from '../../src/challenge/http-01/service.js'
import { tlsAlpn01Service } from '../../src/challenge/tls-alpn-01/service.js'
import { Interceptor } from '../../src/intercept/interceptor.js'
import { readCaptures, type Capture } from './captures.js'
import { Connections, type Planned } from './connections.js'
import { Answers, NAMES } from './handshakes.js'
import { httpRequest, tlsRequest } from './model-requests.js'
import { Model, WrongDecision } from './model.js'
import { Random } from './random.js'
import { CHALLENGES } from './requests.js'

/** How much was seen of what. */
export interface PacketCounts {
  packets: number
  accepted: number
  dropped: number
  takenOver: number
  /** Of these, by tls-alpn-01. */
  takenOverByTls: number
  replies: number
  evicted: number
  /** Packets of which it was known beforehand what must become of them. */
  foretold: number
}

const TINY: Limits = { ...DEFAULT_LIMITS, watched: 3, taken: 2, watchedFor: 500, takenFor: 400, closedFor: 200 }
const SMALL: Limits = { ...DEFAULT_LIMITS, watched: 64, taken: 32 }

/** How many scripts are under way at once. */
const SCRIPTS = 48

/** Fuzzes the decision about packets; goes on where it was at each call. */
export class PacketTarget {
  readonly counts: PacketCounts = {
    packets: 0,
    accepted: 0,
    dropped: 0,
    takenOver: 0,
    takenOverByTls: 0,
    replies: 0,
    evicted: 0,
    foretold: 0,
  }
  readonly #lanes: readonly Lane[]

  constructor(seed: number) {
    const captures = [...readCaptures().values()]
    const lanes = [
      [DEFAULT_LIMITS, 20_000],
      [SMALL, 200],
      [TINY, 8],
    ] as const
    this.#lanes = lanes.map(
      ([limits, ports], at) => new Lane(captures, new Random(seed + at * 0x1000193), limits, ports, this.counts),
    )
  }

  /** Decides about so many packets. @throws Error with everything that is needed to see the packet again */
  run(packets: number): void {
    for (let done = 0; done < packets; done++) this.#lanes[this.counts.packets % this.#lanes.length]?.step()
    this.counts.evicted = this.#lanes.reduce((sum, { evicted }) => sum + evicted, 0)
  }

  /**
   * Lets everything expire, so that what is still in use afterwards is a leak. @throws Error when an interceptor still
   * knows a flow
   */
  settle(): void {
    for (const lane of this.#lanes) lane.settle()
  }
}

interface Script {
  readonly planned: readonly Planned[]
  place: number
  /** The state at its first packet. If anything was evicted or has expired since then, nothing is predicted. */
  readonly evicted: number
  readonly startedAt: number
  /** False once the interceptor was right not to know this flow. */
  isForetold: boolean
}

class Lane {
  readonly #random: Random
  readonly #limits: Limits
  readonly #counts: PacketCounts
  readonly #connections: Connections
  readonly #challenges = new Map<string, string>()
  readonly #names = new Set<string>(NAMES)
  readonly #answers = new Answers()
  readonly #interceptor: Interceptor
  readonly #model: Model
  readonly #scripts: Script[] = []
  #now = 0
  #tickedAt = 0

  constructor(captures: readonly Capture[], random: Random, limits: Limits, ports: number, counts: PacketCounts) {
    this.#random = random
    this.#limits = limits
    this.#counts = counts
    this.#connections = new Connections(captures, random, { ports })
    for (const { token, keyAuthorization } of CHALLENGES) this.#challenges.set(token, keyAuthorization)
    const tls = tlsAlpn01Service((name) => (this.#names.has(name) ? this.#answers.for(name) : undefined))
    this.#interceptor = new Interceptor([http01Service(this.#challenges), tls], limits)
    const known = new Map([
      ...CHALLENGES.map((challenge) => [challenge.token, httpRequest(challenge)] as const),
      ...NAMES.map((name) => [name, tlsRequest(name)] as const),
    ])
    this.#model = new Model((key) => this.#isArmed(key), known, limits)
  }

  get evicted(): number {
    return this.#interceptor.evicted
  }

  step(): void {
    const random = this.#random
    this.#now += random.oneIn(50_000) ? 20_000 : random.oneIn(500) ? 100 : random.oneIn(2) ? 0 : 1
    if (random.oneIn(300)) this.#rearm()
    if (this.#now - this.#tickedAt >= 100) this.#tick()
    const script = this.#pickScript()
    const planned = script.planned[script.place++]
    if (!planned) return
    const { bytes } = planned
    const copy = bytes.slice()
    try {
      let decision = this.#interceptor.decide(bytes, this.#now)
      this.#model.check(bytes, copy, decision, this.#now)
      if (decision.verdict === 'again') {
        // The rules queue it once more.
        decision = this.#interceptor.decide(bytes, this.#now)
        if (decision.verdict === 'again') throw new WrongDecision('once more, and once more')
        this.#model.check(bytes, copy, decision, this.#now)
      }
      const { verdict, replies } = decision
      const isAccepted = verdict === 'accept' || verdict === 'release'
      this.#checkForetold(script, planned, isAccepted ? 'accept' : verdict === 'drop' ? 'drop' : 'replace', replies)
      this.#counts[isAccepted ? 'accepted' : verdict === 'drop' ? 'dropped' : 'takenOver']++
      if (typeof verdict === 'object' && decision.events.some(({ key }) => this.#names.has(key)))
        this.#counts.takenOverByTls++
      if (this.#answers.fault !== undefined) throw new WrongDecision(this.#answers.fault)
      this.#counts.replies += replies.length
      this.#counts.packets++
      if (this.#interceptor.flows > this.#limits.watched + this.#limits.taken)
        throw new WrongDecision(`${this.#interceptor.flows} flows`)
    } catch (cause) {
      throw new Error(`packet ${this.#counts.packets}: ${String(cause)}\n${Buffer.from(copy).toString('hex')}`, {
        cause,
      })
    }
  }

  settle(): void {
    this.#scripts.length = 0
    // A flow that is over is forgotten one turn after it has been told so.
    for (let turn = 0; turn < 3; turn++) {
      this.#now += 600_000
      this.#tick()
      this.#model.sweep(this.#now)
    }
    if (this.#interceptor.flows > 0 || this.#model.size > 0)
      throw new Error(`${this.#interceptor.flows} flows are known for ever, ${this.#model.size} to the model`)
  }

  #tick(): void {
    this.#tickedAt = this.#now
    this.#answers.later()
    this.#model.checkReplies(this.#interceptor.poll(this.#now).replies)
  }

  #isArmed(key: string): boolean {
    return this.#challenges.has(key) || this.#names.has(key)
  }

  /** Disarms a token or a name, or arms one again. */
  #rearm(): void {
    if (this.#random.oneIn(3)) {
      const name = this.#random.pick(NAMES)
      if (!this.#names.delete(name)) this.#names.add(name)
      return
    }
    const { token, keyAuthorization } = this.#random.pick(CHALLENGES)
    if (!this.#challenges.delete(token)) this.#challenges.set(token, keyAuthorization)
  }

  #pickScript(): Script {
    const at = this.#random.below(SCRIPTS)
    const old = this.#scripts[at]
    if (old && old.place < old.planned.length) return old
    const planned = this.#connections.next()
    const script = { planned, place: 0, evicted: this.#interceptor.evicted, startedAt: this.#now, isForetold: true }
    this.#scripts[at] = script
    return script
  }

  #checkForetold(
    script: Script,
    { expected, token, reply }: Planned,
    verdict: Exclude<Planned['expected'], undefined>,
    replies: readonly Uint8Array[],
  ): void {
    if (!expected || !script.isForetold) return
    const { watchedFor, takenFor } = this.#limits
    const isOld = this.#now - script.startedAt >= Math.min(watchedFor, takenFor)
    const isDisarmed = expected === 'replace' && !this.#isArmed(token ?? '')
    if (isOld || isDisarmed || script.evicted !== this.#interceptor.evicted) {
      script.isForetold = false
      return
    }
    this.#counts.foretold++
    if (verdict !== expected) throw new WrongDecision(`${verdict}, though it had to be ${expected}`)
    if (reply !== undefined && !replies.some((bytes) => Buffer.from(bytes).toString('latin1').endsWith(reply)))
      throw new WrongDecision('the request is whole, and there is no reply')
  }
}
