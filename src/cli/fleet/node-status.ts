import type { NodeStatus } from '../../control/store-status.js'
import { LIVE_TIME, type NodeRecord } from '../../store/node-record.js'

/** Returns a node's record as `status` and `doctor` show it, at the store's time `now`. */
export function nodeStatusOf(record: NodeRecord, now: number): NodeStatus {
  const { name, version, at, offset, delay, armed, refused } = record
  return {
    ...{ name, version, offset, delay },
    age: Math.max(0, Math.round((now - at) / 1000)),
    isLive: now - at < LIVE_TIME,
    armed: Object.keys(armed).length,
    refused: Object.values(refused).reduce((sum, count) => sum + count, 0),
  }
}
