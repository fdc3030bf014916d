/** Who holds a lock on a file, as proc(5) tells it: found out without a try that another taker could meet. */
import { readFileSync, statSync } from 'node:fs'
import type { LockKind } from './lock.js'

/** The process id of who holds the lock on the file at `path`; `undefined` when nobody does, or it cannot be seen from here. */
export function lockHolder(path: string, kind: LockKind = 'flock'): number | undefined {
  const file = statSync(path, { throwIfNoEntry: false })
  if (!file) return undefined
  // `1: FLOCK  ADVISORY  WRITE 4867 fe:00:2146438 0 EOF`; the device is not compared, for some file systems give stat(2) another one.
  const pid = new RegExp(`^\\d+: ${kind === 'flock' ? 'FLOCK' : 'POSIX'} .* (\\d+) [^ ]+:${file.ino} 0 EOF$`, 'm').exec(readFileSync('/proc/locks', 'latin1'))?.[1]
  return pid === undefined ? undefined : Number(pid)
}
