/**
 * What is remembered of flows: bounded in all, and for each flow. A flow may have several entries, for who sends a
 * segment with its addresses and ports need not be the client: what one says must not take away what is known of
 * another.
 */

/** Entries of one flow, at most. */
const MOST_OF_A_FLOW = 4

/** Remembers entries of flows, up to a limit. */
export class FlowTable<Entry extends object> {
  /** Entries forgotten because there were too many. */
  evicted = 0
  readonly #limit: number
  /** Each entry and its flow; the one that was set longest ago comes first. */
  readonly #flows = new Map<Entry, string>()
  readonly #entries = new Map<string, Entry[]>()

  /** Holds `limit` entries. */
  constructor(limit: number) {
    this.#limit = limit
  }

  get size(): number {
    return this.#flows.size
  }

  /** All entries. They may be deleted meanwhile. */
  [Symbol.iterator](): Iterator<Entry> {
    return this.#flows.keys()
  }

  /** The entries of a flow, in the order they came. */
  of(flow: string): readonly Entry[] {
    return this.#entries.get(flow) ?? []
  }

  /**
   * Makes an entry, known or new, the newest. Beyond the bound of all it forgets the oldest; beyond that of a flow the
   * last to come, so that a flood in a client's name does not push out what the client has said before.
   */
  set(flow: string, entry: Entry): void {
    if (!this.#flows.delete(entry)) this.#add(flow, entry)
    this.#flows.set(entry, flow)
    for (const oldest of this.#flows.keys()) {
      if (this.#flows.size <= this.#limit) break
      this.delete(oldest)
      this.evicted++
    }
  }

  delete(entry: Entry): void {
    const flow = this.#flows.get(entry)
    if (flow === undefined) return
    this.#flows.delete(entry)
    const others = this.of(flow).filter((other) => other !== entry)
    if (others.length > 0) this.#entries.set(flow, others)
    else this.#entries.delete(flow)
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
