/** Is the queue's number free? Pure. */
import { FIXES } from '../../failure.js'
import { fail, ok, type Finding } from './finding.js'

/**
 * Judges the number of the queue. `bound` is a netlink port id by queue number, as kernel/queue.ts lists them. `own` is
 * the number of our responder that runs.
 */
export function judgeQueueNumber(
  wanted: number | undefined,
  bound: ReadonlyMap<number, number>,
  own: number | undefined,
): Finding {
  const holder = wanted === undefined || wanted === own ? undefined : bound.get(wanted)
  if (holder !== undefined)
    return fail(
      'queue',
      `NFQUEUE number ${wanted ?? ''} is taken by another program (netlink port ${holder}, usually its process id)`,
      FIXES['queue-unavailable'],
    )
  const others = [...bound.keys()].filter((number) => number !== own)
  const taken = others.length === 0 ? 'none is taken' : `taken by other programs: ${others.join(', ')}`
  return ok('queue', wanted === undefined ? `a free number will be picked (${taken})` : `number ${wanted} is free`)
}
