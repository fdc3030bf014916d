/** Remembers the flows that were named last. */
export class RecentFlows {
  readonly #limit: number
  /** The one that was named longest ago comes first. */
  readonly #flows = new Set<string>()

  /** Holds `limit` flows. Beyond that the oldest is forgotten. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** Makes a flow the newest. */
  add(flow: string): void {
    this.#flows.delete(flow)
    this.#flows.add(flow)
    for (const oldest of this.#flows) {
      if (this.#flows.size <= this.#limit) break
      this.#flows.delete(oldest)
    }
  }

  /** Forgets a flow. Returns whether it was remembered. */
  delete(flow: string): boolean {
    return this.#flows.delete(flow)
  }
}
