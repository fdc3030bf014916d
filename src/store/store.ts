/** What the rest of the program wants of a store. redis.ts is one. */

/** Everything in the store that a node needs to know. */
export interface Snapshot {
  /** The store's time of day, in milliseconds since 1970. */
  readonly now: number
  /** Sealed entries by id. */
  readonly entries: ReadonlyMap<string, string>
  /** Sealed records of nodes by the nodes' ids. */
  readonly nodes: ReadonlyMap<string, string>
}

/** What others tell of: entries have changed, or records of nodes have. A message may be lost. */
export type Topic = 'entries' | 'nodes'

/** A connection to a store. Every call rejects with a Failure when the store is not there, or refuses. */
export interface Store {
  read(): Promise<Snapshot>
  /** Writes sealed entries by id. */
  putEntries(entries: ReadonlyMap<string, string>): Promise<void>
  removeEntries(ids: readonly string[]): Promise<void>
  putNode(id: string, sealed: string): Promise<void>
  removeNodes(ids: readonly string[]): Promise<void>
  /** Writes who has asked a node for a challenge; it is forgotten after ten minutes. */
  putVisits(entry: string, node: string, sealed: string): Promise<void>
  /** Reads that, by the nodes' ids. */
  readVisits(entry: string): Promise<ReadonlyMap<string, string>>
  removeVisits(entry: string): Promise<void>
  /** Tells whoever listens. */
  tell(topic: Topic): Promise<void>
  /** Gives up, also what is under way. */
  close(): void
}
