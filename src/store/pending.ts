/** Which nodes a hook still has to wait for. Pure. */
import { FORGET_TIME, LIVE_TIME, type NodeRecord } from './node-record.js'

/** How a node stands with a challenge. */
export type IsDone = (record: NodeRecord) => boolean

/** What is to be waited for. */
export interface Pending {
  /** The names of the nodes that are not done. */
  readonly names: readonly string[]
  /** Whether it is not certain yet which nodes live. */
  readonly isUnsettled: boolean
  /** The number of nodes that live. */
  readonly live: number
}

/**
 * Returns who is to be waited for, at the store's time `now`. `watched` is for how many milliseconds the hook has seen
 * the store.
 *
 * A node whose record is old may be dead, or may not have had a store to write to. So it counts as dead only if the
 * store was there meanwhile: another node has written all the time, or the hook itself has watched long enough. Until
 * then it is waited for. A store that has lost everything names no nodes at all, which is why the same goes for that.
 */
export function pendingNodes(
  records: readonly NodeRecord[],
  isDone: IsDone,
  { now, watched }: { readonly now: number; readonly watched: number },
): Pending {
  const live = records.filter(({ at }) => now - at < LIVE_TIME)
  const isSettled = watched >= LIVE_TIME || live.some(({ steadySince }) => now - steadySince >= LIVE_TIME)
  const candidates = isSettled ? live : records.filter(({ at }) => now - at < FORGET_TIME)
  return {
    names: [...new Set(candidates.filter((record) => !isDone(record)).map(({ name }) => name))].sort(),
    isUnsettled: !isSettled,
    live: live.length,
  }
}
