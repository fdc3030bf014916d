/** Limits a process to a small share of one processor, whatever else runs. */
import { existsSync } from 'node:fs'
import type { Test } from 'tap'
import { openCgroup } from './cgroup.js'

const PERIOD = 100_000

/**
 * Gives a process, and all that it starts from then on, no more than this share; `undefined` where that cannot be done.
 */
export function processorShare(t: Test, percent: number): ((pid: number) => void) | undefined {
  const quota = (PERIOD / 100) * percent
  const first = '/sys/fs/cgroup/cpu'
  const group = existsSync(first)
    ? openCgroup(t, first, { 'cpu.cfs_period_us': PERIOD, 'cpu.cfs_quota_us': quota })
    : openCgroup(t, '/sys/fs/cgroup', { 'cpu.max': `${quota} ${PERIOD}` })
  return group && ((pid) => group.write('cgroup.procs', pid))
}
