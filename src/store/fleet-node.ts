/**
 * A node of a fleet: keeps a responder in step with what is in the store. The responder never waits for it, and no
 * packet does.
 */
import { fieldsOf } from '../challenge/challenge.js'
import type { ControlRequest } from '../control/message.js'
import type { request } from '../control/client.js'
import { MAX_TTL } from '../control/message.js'
import { toFailure, type Failure } from '../failure.js'
import { every, type Clock } from '../responder/clock.js'
import type { Entry } from './entry.js'
import { BEAT, FORGET_TIME, openNode, sealNode, type NodeRecord } from './node-record.js'
import { planSync, type KnownEntry, type Knowledge } from './plan.js'
import type { Snapshot, Store } from './store.js'
import { sealVisits } from './visits.js'

/** Sends a request to the responder of this machine. */
export type AskResponder = (message: ControlRequest) => ReturnType<typeof request>

/** What a node needs. */
export interface FleetNodeOptions {
  /** The name that its record is stored under, which no other node has. */
  readonly id: string
  /** For people. */
  readonly name: string
  readonly version: string
  readonly secret: Uint8Array
  readonly clock: Clock
  readonly ask: AskResponder
  /** Connects to the store. `onTold` is called when something has changed there. */
  readonly connect: (onTold: () => void) => Promise<Store>
  /** Called after each look at the store, and when there was none. */
  readonly onState: (state: FleetState) => void
  /** Called for what goes wrong with the responder. */
  readonly onFailure: (failure: Failure) => void
  /** Called for an entry that is refused, once. */
  readonly onRefusal: (id: string, reason: string) => void
}

/** What a node knows of the store and of the fleet. */
export interface FleetState {
  /** Why the store cannot be used at the moment. */
  readonly trouble: Failure | undefined
  /** When the store was last read, by this machine's time of day. */
  readonly readAt: Date | undefined
  /** The store's time then. */
  readonly now: number
  /** The records that open, by the nodes' ids. */
  readonly nodes: ReadonlyMap<string, NodeRecord>
  /** The ids of those that do not: their secret is another one, or somebody has made them up. */
  readonly unverified: readonly string[]
  readonly armed: number
  readonly refused: Readonly<Record<string, number>>
}

/** Milliseconds until a store that did not answer is tried again. */
const RETRY_AFTER = 500

/** A running node. */
export class FleetNode {
  readonly #options: FleetNodeOptions
  #store: Store | undefined
  #knowledge: Knowledge = { known: new Map(), rejects: new Set() }
  #refused: Record<string, number> = {}
  #state: FleetState
  /** The last record that was written: its content without the time, and the store's time. */
  #written = ''
  #beatAt = -Infinity
  #steadySince = 0
  /** Whether the store was there at each look since. */
  #isSteady = false
  #isRunning = false
  #running: Promise<void> = Promise.resolve()
  #isDue = false
  #isClosed = false
  readonly #stopBeating: () => void

  /** Begins at once. */
  constructor(options: FleetNodeOptions) {
    this.#options = options
    const nothing = { trouble: undefined, readAt: undefined, now: 0, nodes: new Map(), unverified: [] }
    this.#state = { ...nothing, armed: 0, refused: {} }
    this.#stopBeating = every(options.clock, BEAT, () => this.sync())
    this.sync()
  }

  /** Looks at the store now, or once more when a look is under way. */
  sync(): void {
    this.#isDue = true
    if (this.#isRunning || this.#isClosed) return
    this.#isRunning = true
    this.#running = this.#run().finally(() => (this.#isRunning = false))
  }

  /** Removes its record, so that nobody waits for it, and ends. What is armed is left to the responder. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#stopBeating()
    // A look that is under way would write the record once more.
    await this.#running
    try {
      await this.#store?.removeNodes([this.#options.id])
      await this.#store?.tell('nodes')
    } catch {
      // It counts as dead after a while.
    }
    this.#store?.close()
  }

  async #run(): Promise<void> {
    while (this.#isDue && !this.#isClosed) {
      this.#isDue = false
      try {
        await this.#look()
      } catch (thrown) {
        this.#lose(toFailure(thrown))
        return
      }
    }
  }

  /** Gives the connection up. A new one finds its way sooner than one that waits for a server that is gone. */
  #lose(trouble: Failure): void {
    this.#store?.close()
    this.#store = undefined
    this.#isSteady = false
    this.#expire()
    this.#report({ trouble })
    if (!this.#isClosed) this.#options.clock.after(RETRY_AFTER, () => this.sync())
  }

  async #look(): Promise<void> {
    const { clock, connect } = this.#options
    this.#store ??= await connect(() => this.sync())
    const begun = clock.now()
    const snapshot = await this.#store.read()
    const delay = Math.round(clock.now() - begun)
    const wasMissing = !snapshot.nodes.has(this.#options.id)
    await this.#carryOut(snapshot.entries)
    await this.#beat(snapshot, delay, wasMissing)
    await this.#tidy(snapshot)
  }

  /** Does what the entries say. Those that fail are tried again at the next look. */
  async #carryOut(entries: ReadonlyMap<string, string>): Promise<void> {
    const { secret, clock, onRefusal } = this.#options
    const plan = planSync(this.#knowledge, entries, secret, clock.date().getTime())
    for (const { id, reason } of plan.refused) {
      this.#refused[reason] = (this.#refused[reason] ?? 0) + 1
      onRefusal(id, reason)
    }
    const known = new Map(plan.known)
    this.#knowledge = { known, rejects: plan.rejects }
    const tasks = [...plan.arm, ...plan.disarm].map(async (entry) => {
      const id = [...known].find(([, one]) => one.entry === entry)?.[0]
      if (!(await this.#pass(entry, id)) || id === undefined) return
      const now = known.get(id)
      if (now?.entry === entry) known.set(id, { ...now, isDone: true })
    })
    await Promise.all(tasks)
    if (plan.stale.length > 0) await this.#store?.removeEntries(plan.stale)
  }

  /** Passes an entry on to the responder. Returns whether that worked. */
  async #pass(entry: Entry, id: string | undefined): Promise<boolean> {
    const { clock, ask, onFailure } = this.#options
    const left = Math.ceil((entry.expiresAt - clock.date().getTime()) / 1000)
    try {
      if (entry.state === 'armed' && left > 0) {
        const { port } = entry
        const ttl = Math.min(left, MAX_TTL)
        return typeof (await ask({ op: 'arm', ...fieldsOf(entry), port, ttl })) === 'object'
      }
      const response = await ask({ op: 'disarm', token: entry.token })
      if (typeof response === 'object' && response.challenge && id !== undefined)
        await this.#tellVisits(id, response.challenge.visits)
      return response !== 'stopping'
    } catch (thrown) {
      onFailure(toFailure(thrown))
      return false
    }
  }

  async #tellVisits(entry: string, visits: Parameters<typeof sealVisits>[2]): Promise<void> {
    const { id, name, secret } = this.#options
    await this.#store?.putVisits(entry, id, sealVisits(entry, id, visits, name, secret))
  }

  /** Writes its record when it says something new, or when it is time. */
  async #beat({ now, nodes }: Snapshot, delay: number, wasMissing: boolean): Promise<void> {
    const { id, name, version, secret, clock } = this.#options
    // The gap that a hook cannot tell from a death. Whoever has just begun has not been steady.
    if (wasMissing || !this.#isSteady || now - this.#beatAt >= 2 * BEAT) this.#steadySince = now
    this.#isSteady = true
    const armed = Object.fromEntries(
      [...this.#knowledge.known].flatMap(([key, { entry, isDone }]) =>
        isDone && entry.state === 'armed' ? [[key, entry.issuedAt]] : [],
      ),
    )
    const content = JSON.stringify([armed, this.#refused])
    const at = Math.max(now, 0)
    const record: NodeRecord = {
      name,
      version,
      at,
      steadySince: this.#steadySince,
      offset: clock.date().getTime() - now,
      delay,
      armed,
      refused: this.#refused,
    }
    const isNew = wasMissing || content !== this.#written
    if (isNew || now - this.#beatAt >= BEAT / 2) {
      await this.#store?.putNode(id, sealNode(id, record, secret))
      this.#beatAt = now
      this.#written = content
    }
    if (isNew) await this.#store?.tell('nodes')
    this.#report({ trouble: undefined, ...this.#readNodes(new Map([...nodes]), record), now })
  }

  #readNodes(sealed: Map<string, string>, own: NodeRecord): Pick<FleetState, 'nodes' | 'unverified'> {
    const [nodes, unverified] = [new Map<string, NodeRecord>([[this.#options.id, own]]), [] as string[]]
    for (const [id, text] of sealed) {
      if (id === this.#options.id) continue
      const record = openNode(id, text, this.#options.secret)
      if (typeof record === 'string') unverified.push(id)
      else nodes.set(id, record)
    }
    return { nodes, unverified }
  }

  /** Removes the records of nodes that have been dead for long. */
  async #tidy({ now }: Snapshot): Promise<void> {
    const old = [...this.#state.nodes].filter(([, { at }]) => now - at >= FORGET_TIME).map(([id]) => id)
    if (old.length > 0) await this.#store?.removeNodes(old)
  }

  /** Forgets what is over when there is no store to look at. The responder does that by itself. */
  #expire(): void {
    const now = this.#options.clock.date().getTime()
    const known = new Map([...this.#knowledge.known].filter(([, { entry }]) => entry.expiresAt > now))
    this.#knowledge = { ...this.#knowledge, known }
  }

  #report(news: Partial<FleetState>): void {
    const isArmed = ({ entry, isDone }: KnownEntry) => isDone && entry.state === 'armed'
    this.#state = {
      ...this.#state,
      ...news,
      ...(news.trouble === undefined && { readAt: this.#options.clock.date() }),
      armed: [...this.#knowledge.known.values()].filter(isArmed).length,
      refused: { ...this.#refused },
    }
    if (!this.#isClosed) this.#options.onState(this.#state)
  }
}
