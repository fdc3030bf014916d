/** A lock on a file that the kernel frees on any death of its holder: flock(2) or a record lock of fcntl(2). */
import { closeSync, fstatSync, ftruncateSync, openSync, statSync, unlinkSync, writeSync, constants } from 'node:fs'
import { loadLibc } from './libc.js'

const LOCK_EX = 2
const LOCK_NB = 4
const F_TLOCK = 2

/**
 * `flock` is our own. `record` is what other programs use. A record lock belongs to the process, which must not take it
 * twice, nor open and close its file otherwise.
 */
export type LockKind = 'flock' | 'record'

/** A lock that is held. */
export interface Lock {
  /** Writes lines into the file, in place of what is in it. Where nothing can be written it may stay as it was. */
  note(lines: string): void
  /** Removes the file, if it is still the one locked, and frees the lock. */
  release(): void
}

/** Takes the lock on `path`, a file that is made if necessary. Returns `undefined` when somebody holds it. */
export async function takeLock(path: string, kind: LockKind = 'flock'): Promise<Lock | undefined> {
  const libc = await loadLibc()
  const tryLock = (fd: number) => (kind === 'flock' ? libc.flock(fd, LOCK_EX | LOCK_NB) : libc.lockf(fd, F_TLOCK, 0))
  for (;;) {
    const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600)
    if (tryLock(fd) !== 0) {
      closeSync(fd)
      return undefined
    }
    if (isStillAt(fd, path)) {
      return {
        note: (lines) => note(fd, lines),
        release: () => {
          try {
            if (isStillAt(fd, path)) unlinkSync(path)
          } catch {
            // Once root is given up, the directory is no longer ours. The keeper removes the file then.
          }
          closeSync(fd)
        },
      }
    }
    // The last holder removed the file between our open and our lock. Such a lock is worth nothing.
    closeSync(fd)
  }
}

function note(fd: number, lines: string): void {
  try {
    // A reader finds the first line at any time, if that does not change.
    ftruncateSync(fd, writeSync(fd, `${lines}\n`, 0))
  } catch {
    // No room, or a limit of file sizes.
  }
}

function isStillAt(fd: number, path: string): boolean {
  const there = statSync(path, { throwIfNoEntry: false })
  return there !== undefined && there.ino === fstatSync(fd).ino
}
