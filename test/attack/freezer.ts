/** Stops processes without a signal. To proc(5) they seem to sleep. */
import { existsSync } from 'node:fs'
import type { Test } from 'tap'
import { openCgroup } from './cgroup.js'

/** Freezes a process for good; `undefined` where there is no such freezer. */
export function openFreezer(t: Test): ((pid: number) => void) | undefined {
  const group = openCgroup(t, existsSync('/sys/fs/cgroup/unified') ? '/sys/fs/cgroup/unified' : '/sys/fs/cgroup', {
    'cgroup.freeze': 1,
  })
  return group && ((pid) => group.write('cgroup.procs', pid))
}
