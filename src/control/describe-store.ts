/** A store and its fleet in words. Pure. */
import type { NodeStatus, StoreStatus } from './store-status.js'

/** Returns text such as `3 nodes; 1 challenge armed; refused: 2 unsealed`. */
export function describeStore({ trouble, readAt, armed, refused, nodes, unverified }: StoreStatus): string {
  const counts = Object.entries(refused).map(([reason, count]) => `${count} ${reason}`)
  const live = nodes.filter(({ isLive }) => isLive).length
  return [
    ...(trouble === undefined ? [] : [`${trouble}; what is armed stays so until its time is over`]),
    readAt === undefined ? 'never read' : `read at ${readAt}`,
    `${live} live ${live === 1 ? 'node' : 'nodes'}`,
    `${armed} ${armed === 1 ? 'challenge' : 'challenges'} armed`,
    ...(counts.length > 0 ? [`refused: ${counts.join(', ')}`] : []),
    ...(unverified > 0 ? [`${unverified} with another secret`] : []),
  ].join('; ')
}

/** Returns text such as `web2 (0.2.0), heard of 1 s ago, 1 armed, clock +0.2 s, store answers in 3 ms`. */
export function describeNode({ name, version, age, isLive, offset, delay, armed, refused }: NodeStatus): string {
  return [
    `${name} (${version})${isLive ? '' : ' DOES NOT LIVE'}`,
    `heard of ${age} s ago`,
    `${armed} armed`,
    `clock ${offset < 0 ? '-' : '+'}${(Math.abs(offset) / 1000).toFixed(1)} s`,
    `store answers in ${delay} ms`,
    ...(refused > 0 ? [`${refused} refused`] : []),
  ].join(', ')
}
