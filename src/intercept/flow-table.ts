/**
 * Remembers things about flows, with limits for all, for a flow, and for what they weigh. A flow may have several
 * entries: a segment with the client's addresses and ports need not come from the client, and what one sender sends
 * must not remove what is known of another.
 */

/** The most entries of one flow. */
const MOST_OF_A_FLOW = 4

/** How an entry counts: what it weighs, and how much all of them may weigh together. */
export interface Weighing<Entry> {
  readonly of: (entry: Entry) => number
  readonly limit: number
}

/** Remembers entries of flows, up to a limit. */
export class FlowTable<Entry extends object> {
  /** The number of entries that were forgotten because there were too many, or because they weighed too much. */
  evicted = 0
  /** What all entries weigh together, each as it was when it was last set. */
  weight = 0
  readonly #limit: number
  readonly #weighing: Weighing<Entry>
  readonly #weights = new Map<Entry, number>()
  /** Each entry and its flow. The one that was set longest ago comes first. */
  readonly #flows = new Map<Entry, string>()
  readonly #entries = new Map<string, Entry[]>()

  /** Holds `limit` entries, which weigh nothing by default. */
  constructor(limit: number, weighing: Weighing<Entry> = { of: () => 0, limit: Infinity }) {
    this.#limit = limit
    this.#weighing = weighing
  }

  get size(): number {
    return this.#flows.size
  }

  /** Iterates over all entries. Entries may be deleted at the same time. */
  [Symbol.iterator](): Iterator<Entry> {
    return this.#flows.keys()
  }

  /** Returns the entries of a flow, in the order in which they came. */
  of(flow: string): readonly Entry[] {
    return this.#entries.get(flow) ?? []
  }

  /**
   * Adds an entry, or makes a known one the newest. Beyond the limit for all, it forgets the oldest entry. Beyond the
   * limit for a flow, it forgets the one that came last, so that a flood in a client's name does not push out what that
   * client sent before.
   */
  set(flow: string, entry: Entry): void {
    if (!this.#flows.delete(entry)) this.#add(flow, entry)
    this.#flows.set(entry, flow)
    this.#weigh(entry, this.#weighing.of(entry))
    for (const oldest of this.#flows.keys()) {
      if (this.#flows.size <= this.#limit && this.weight <= this.#weighing.limit) break
      this.delete(oldest)
      this.evicted++
    }
  }

  delete(entry: Entry): void {
    const flow = this.#flows.get(entry)
    if (flow === undefined) return
    this.#flows.delete(entry)
    this.#weigh(entry, 0)
    const others = this.of(flow).filter((other) => other !== entry)
    if (others.length > 0) this.#entries.set(flow, others)
    else this.#entries.delete(flow)
  }

  #weigh(entry: Entry, weight: number): void {
    this.weight += weight - (this.#weights.get(entry) ?? 0)
    if (weight > 0) this.#weights.set(entry, weight)
    else this.#weights.delete(entry)
  }

  #add(flow: string, entry: Entry): void {
    const last = this.of(flow)[MOST_OF_A_FLOW - 1]
    if (last) {
      this.delete(last)
      this.evicted++
    }
    this.#entries.set(flow, [...this.of(flow), entry])
  }
}
