/** The responder's log: its newest lines in memory, for `status`, and a file when asked for. */
import { openSync, writeSync } from 'node:fs'
import { Failure } from '../failure.js'

export type Level = 'debug' | 'info' | 'warning' | 'error'

export interface Log {
  (level: Level, text: string): void
  /** Newest last. */
  readonly recent: readonly string[]
}

const RECENT = 50

/** `sinks` get each line without its end. With `isVerbose` also those of level `debug`. */
export function openLog(isVerbose: boolean, sinks: readonly ((line: string) => void)[]): Log {
  const recent: string[] = []
  const log = (level: Level, text: string) => {
    if (level === 'debug' && !isVerbose) return
    const line = `${new Date().toISOString()} ${level} ${text}`
    recent.push(line)
    if (recent.length > RECENT) recent.shift()
    for (const sink of sinks) sink(line)
  }
  return Object.assign(log, { recent })
}

/** How much one responder writes to its file, in bytes. */
const MAX_FILE = 16 * 1024 * 1024

/** A sink that appends to a file; once that fails, or after `limit` bytes, it stays silent. @throws Failure `log-file` */
export function fileSink(path: string, limit = MAX_FILE): (line: string) => void {
  let fd: number | undefined
  try {
    fd = openSync(path, 'a', 0o600)
  } catch (error) {
    throw new Failure('log-file', `cannot write to the log file ${path}: ${(error as Error).message}`)
  }
  let left = limit
  return (line) => {
    if (fd === undefined) return
    try {
      left -= writeSync(fd, `${line}\n`)
      if (left > 0) return
      writeSync(fd, 'no more is logged: the limit for one responder is reached\n')
      fd = undefined
    } catch {
      fd = undefined
    }
  }
}
