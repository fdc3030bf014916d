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

/** A sink that appends to a file; once that fails, it stays silent. @throws Failure `log-file` */
export function fileSink(path: string): (line: string) => void {
  let fd: number | undefined
  try {
    fd = openSync(path, 'a', 0o600)
  } catch (error) {
    throw new Failure('log-file', `cannot write to the log file ${path}: ${(error as Error).message}`)
  }
  return (line) => {
    try {
      if (fd !== undefined) writeSync(fd, `${line}\n`)
    } catch {
      fd = undefined
    }
  }
}
