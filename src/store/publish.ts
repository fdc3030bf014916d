/** What a hook does with the store: it passes a challenge on to every node, and takes it back from them. */
import type { Visit } from '../control/challenge-status.js'
import { Failure, isFailure } from '../failure.js'
import { pause, type Clock } from '../responder/clock.js'
import { entryId, sealEntry, type Entry } from './entry.js'
import { FORGET_TIME, openNode, type NodeRecord } from './node-record.js'
import { pendingNodes, type Pending } from './pending.js'
import type { Snapshot, Store } from './store.js'
import { openVisits } from './visits.js'

/** What a hook needs. */
export interface PublishOptions {
  /** Connects to the store. `onTold` is called when something has changed there. */
  readonly connect: (onTold: () => void) => Promise<Store>
  readonly secret: Uint8Array
  readonly clock: Clock
  /** Milliseconds that all may take. */
  readonly timeLimit: number
}

/** How far the nodes have come when the hook is done with waiting. */
export interface Published extends Pending {
  /** What made the store unusable, if something did. */
  readonly trouble: unknown
  /** Who has asked the nodes, by token; only after a withdrawal. */
  readonly visits: ReadonlyMap<string, readonly Visit[]>
}

/** Milliseconds between two looks at the store when nobody tells of anything. */
const LOOK_EVERY = 500

/** Milliseconds until a store that does not answer is tried again. */
const RETRY_AFTER = 250

/**
 * Writes entries to the store, all armed or all withdrawn, and waits until every node that lives has done what they
 * say, or until the time is over. Never throws: a store that cannot be used is told of in the result.
 */
export async function publish(entries: readonly Entry[], options: PublishOptions): Promise<Published> {
  const { clock, timeLimit } = options
  const end = clock.now() + timeLimit
  const bell = new Bell(clock)
  // Until it is read once, nothing is known of any node.
  const silence = new Failure('store-unreachable', `the store does not answer within ${timeLimit / 1000} s`)
  const state: State = { pending: { names: [], isUnsettled: true, live: 0 }, trouble: silence, visits: new Map() }
  const over = { isOver: false }
  const isOver = () => over.isOver
  let store: Store | undefined
  const work = async (): Promise<void> => {
    while (!isOver()) {
      try {
        store = await options.connect(() => bell.ring())
        if (isOver()) return
        await settle(entries, store, bell, options, state)
        state.trouble = undefined
        return
      } catch (thrown) {
        state.trouble = thrown
        if (isFailure(thrown) && thrown.code !== 'store-unreachable') return
      } finally {
        store?.close()
      }
      await pause(clock, RETRY_AFTER)
    }
  }
  await inTime(work(), end - clock.now(), clock)
  over.isOver = true
  bell.ring()
  store?.close()
  return { ...state.pending, trouble: state.trouble, visits: state.visits }
}

/** Resolves with the task, or after so many milliseconds. No timer is left that would keep the process. */
async function inTime(task: Promise<void>, limit: number, clock: Clock): Promise<void> {
  let cancel: () => void = () => undefined
  const over = new Promise<void>((resolve) => (cancel = clock.after(Math.max(0, limit), resolve)))
  await Promise.race([task, over])
  cancel()
}

interface State {
  pending: Pending
  trouble: unknown
  visits: ReadonlyMap<string, readonly Visit[]>
}

/** Resolves when all nodes that live have done what the entries say. `state` tells how far they are meanwhile. */
async function settle(
  entries: readonly Entry[],
  store: Store,
  bell: Bell,
  { clock, secret }: PublishOptions,
  state: State,
): Promise<void> {
  const sealed = new Map(entries.map((entry) => [entryId(entry), sealEntry(entry, secret)]))
  const withdrawn = entries.filter((entry) => entry.state === 'withdrawn')
  const begun = clock.now()
  for (;;) {
    const snapshot = await store.read()
    state.trouble = undefined
    // A store that was started again may have lost them, and somebody may have overwritten them.
    const missing = new Map([...sealed].filter(([id, text]) => snapshot.entries.get(id) !== text))
    if (missing.size > 0) {
      await store.putEntries(missing)
      await store.tell('entries')
    }
    const records = recordsIn(snapshot, secret)
    state.pending = pendingNodes(records, isDoneWith(entries), { now: snapshot.now, watched: clock.now() - begun })
    // They are read while others are waited for, because there may be no time for it later.
    state.visits = await readAllVisits(withdrawn, store, secret)
    if (state.pending.names.length === 0 && !state.pending.isUnsettled) {
      await Promise.all(withdrawn.map((entry) => store.removeVisits(entryId(entry))))
      await store.removeEntries(withdrawn.map(entryId).filter((id) => isForgotten(records, id, snapshot.now)))
      return
    }
    await bell.next(LOOK_EVERY)
  }
}

/** Returns whether a node has armed these very entries, or has them not armed any more. */
function isDoneWith(entries: readonly Entry[]): (record: NodeRecord) => boolean {
  return ({ armed }) =>
    entries.every((entry) => {
      const issuedAt = armed[entryId(entry)]
      return entry.state === 'armed' ? issuedAt === entry.issuedAt : issuedAt === undefined
    })
}

/** Returns whether nobody who may come back has it armed. Otherwise its withdrawal has to stay where it is. */
function isForgotten(records: readonly NodeRecord[], id: string, now: number): boolean {
  return records.every(({ armed, at }) => armed[id] === undefined || now - at >= FORGET_TIME)
}

async function readAllVisits(
  entries: readonly Entry[],
  store: Store,
  secret: Uint8Array,
): Promise<ReadonlyMap<string, readonly Visit[]>> {
  const all = entries.map(async (entry): Promise<[string, Visit[]]> => {
    const id = entryId(entry)
    return [entry.token, openVisits(id, await store.readVisits(id), secret)]
  })
  return new Map(await Promise.all(all))
}

function recordsIn({ nodes }: Snapshot, secret: Uint8Array): NodeRecord[] {
  return [...nodes].flatMap(([id, text]) => {
    const record = openNode(id, text, secret)
    return typeof record === 'string' ? [] : [record]
  })
}

/** Wakes whoever waits. A ring while nobody waits counts for the next wait. */
class Bell {
  readonly #clock: Clock
  #hasRung = false
  #wake: () => void = () => undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  ring(): void {
    this.#hasRung = true
    this.#wake()
  }

  /** Resolves at the next ring, or after so many milliseconds. */
  async next(limit: number): Promise<void> {
    let cancel: () => void = () => undefined
    if (!this.#hasRung)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        cancel = this.#clock.after(limit, resolve)
      })
    cancel()
    this.#hasRung = false
  }
}
