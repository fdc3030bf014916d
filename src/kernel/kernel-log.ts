/** The kernel's log (Documentation/ABI/testing/dev-kmsg). */
import { closeSync, constants, openSync, readSync } from 'node:fs'

/** Longest record, in bytes (CONSOLE_EXT_LOG_MAX). */
const MAX_RECORD = 8 * 1024

/** Most records that are read. The log holds no more by far. */
const MAX_RECORDS = 200_000

/**
 * Returns whether the kernel says that it has killed a process for want of memory. It does not say so to a process
 * without CAP_SYSLOG, and in a container it knows the process by another number.
 */
export function wasKilledForMemory(pid: number, path = '/dev/kmsg'): boolean {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      return records(fd).some((record) => isKill(record, pid))
    } finally {
      closeSync(fd)
    }
  } catch {
    return false
  }
}

/** Returns whether a record is that of the killing, as `Memory cgroup out of memory: Killed process 4321 (node) …`. */
export function isKill(record: string, pid: number): boolean {
  return new RegExp(`out of memory: killed process ${pid}\\b`, 'i').test(record)
}

/** Reads all there are now. Each read gives one. */
function records(fd: number): string[] {
  const found: string[] = []
  const bytes = Buffer.alloc(MAX_RECORD)
  while (found.length < MAX_RECORDS) {
    try {
      const length = readSync(fd, bytes)
      if (length === 0) break
      found.push(bytes.toString('latin1', 0, length))
    } catch (error) {
      // EPIPE: the next record was overwritten meanwhile. EAGAIN: there are no more.
      if ((error as NodeJS.ErrnoException).code !== 'EPIPE') break
    }
  }
  return found
}
