/** What a node does about what it finds in the store. Pure. */
import { openEntry, type ArmedEntry, type Entry, type EntryFault } from './entry.js'

/** What a node knows of an entry: the text that it has read, and what that says. */
export interface KnownEntry {
  readonly sealed: string
  readonly entry: Entry
  /** Whether the responder has done what the entry says. */
  readonly isDone: boolean
}

/** What is to be done. */
export interface Plan {
  readonly arm: readonly ArmedEntry[]
  readonly disarm: readonly Entry[]
  /** What is known from now on, by id. */
  readonly known: ReadonlyMap<string, KnownEntry>
  /** What was refused for the first time. */
  readonly refused: readonly { readonly id: string; readonly reason: EntryFault }[]
  /** The text of everything that is refused, so that it is refused once. */
  readonly rejects: ReadonlySet<string>
  /** The ids of what has expired and can be removed from the store. */
  readonly stale: readonly string[]
}

/** What a node knows. */
export interface Knowledge {
  readonly known: ReadonlyMap<string, KnownEntry>
  readonly rejects: ReadonlySet<string>
}

/**
 * Returns the plan for the sealed entries in the store, by id. What is not there any more stays as it is until its time
 * is over: a store that has lost everything, or somebody who deletes there, disarms nothing. Of two entries for one
 * challenge the later one counts, so that an older one that somebody puts back has no effect.
 */
export function planSync(
  { known, rejects }: Knowledge,
  sealed: ReadonlyMap<string, string>,
  secret: Uint8Array,
  now: number,
): Plan {
  const next = new Map([...known].filter(([, { entry }]) => entry.expiresAt > now))
  const over = [...known.values()].filter(({ entry }) => entry.expiresAt <= now && entry.state === 'armed')
  const [refused, stale]: [{ id: string; reason: EntryFault }[], string[]] = [[], []]
  const nextRejects = new Set<string>()
  for (const [id, text] of sealed) {
    if (next.get(id)?.sealed === text) continue
    const entry = openEntry(id, text, secret, now)
    if (typeof entry !== 'string') {
      if (entry.issuedAt >= (next.get(id)?.entry.issuedAt ?? 0)) next.set(id, { sealed: text, entry, isDone: false })
      continue
    }
    if (entry === 'expired') stale.push(id)
    // What was known of and has expired is no replay.
    if (!rejects.has(text) && known.get(id)?.sealed !== text) refused.push({ id, reason: entry })
    nextRejects.add(text)
  }
  const undone = [...next.values()].filter(({ isDone }) => !isDone).map(({ entry }) => entry)
  return {
    arm: undone.filter((entry) => entry.state === 'armed'),
    disarm: [...undone.filter(({ state }) => state === 'withdrawn'), ...over.map(({ entry }) => entry)],
    known: next,
    refused,
    rejects: nextRejects,
    stale,
  }
}
