/** The name of a process (proc(5), comm). */
import { readFileSync, readlinkSync } from 'node:fs'
import { basename } from 'node:path'

/** What Node calls its main thread, from version 24 on. */
const MAIN_THREAD = 'MainThread'

/**
 * Returns the name of a process as people know it: for a program of Node that is the name of its Node, where that may
 * be seen. Returns `undefined` when there is no such process.
 */
export function processName(pid: number): string | undefined {
  const name = read(() => readFileSync(`/proc/${pid}/comm`, 'latin1').trim())
  if (name !== MAIN_THREAD) return name
  return read(() => basename(readlinkSync(`/proc/${pid}/exe`))) ?? name
}

function read(from: () => string): string | undefined {
  try {
    return from()
  } catch {
    return undefined
  }
}
