/** Finds out who holds a lock on a file, from proc(5). It takes no lock itself, which could collide with another's. */
import { existsSync, readdirSync, readFileSync, statSync, type Stats } from 'node:fs'
import type { LockKind } from './lock.js'

/**
 * A process that holds a lock on a file with this inode number. `isCertain` when it is this file and not one of another
 * file system.
 */
export interface LockHolder {
  readonly pid: number
  readonly isCertain: boolean
}

/**
 * Returns who may hold the lock on the file at `path`: usually nobody or one, the certain one first. Processes that
 * cannot be seen from here are not among them.
 */
export function lockHolders(path: string, kind: LockKind = 'flock'): LockHolder[] {
  if (!existsSync(path)) return []
  const file = statSync(path, { throwIfNoEntry: false })
  if (!file) return []
  // `1: FLOCK  ADVISORY  WRITE 4867 fe:00:2146438 0 EOF`: process, device, number of the file.
  const lines = readFileSync('/proc/locks', 'latin1').matchAll(
    new RegExp(
      `^\\d+: ${kind === 'flock' ? 'FLOCK' : 'POSIX'} .* (\\d+) ([\\da-f]+):([\\da-f]+):${file.ino} 0 EOF$`,
      'gm',
    ),
  )
  const holders = [...lines].map(([, pid, major = '', minor = '']) => ({
    pid: Number(pid),
    isCertain: parseInt(major, 16) === majorOf(file.dev) && parseInt(minor, 16) === minorOf(file.dev),
  }))
  // Some file systems report another device to stat(2) than the one here.
  return holders
    .map(({ pid, isCertain }) => ({ pid, isCertain: isCertain || hasOpen(pid, file) }))
    .sort((one, other) => Number(other.isCertain) - Number(one.isCertain))
}

function majorOf(device: number): number {
  return Math.floor(device / 2 ** 8) % 2 ** 12
}

function minorOf(device: number): number {
  return Math.floor(device / 2 ** 20) * 2 ** 8 + (device % 2 ** 8)
}

function hasOpen(pid: number, file: Stats): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      const open = statSync(`/proc/${pid}/fd/${fd}`, { throwIfNoEntry: false })
      return open?.dev === file.dev && open.ino === file.ino
    })
  } catch {
    return false
  }
}
