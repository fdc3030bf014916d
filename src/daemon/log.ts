/** The responder's log: its newest lines in memory, for `status`, and a file when asked for. */
import { openSync, writeSync } from 'node:fs'
import { Failure } from '../failure.js'

export type Level = 'debug' | 'info' | 'warning' | 'error'

export interface Log {
  (level: Level, text: string): void
  /** Newest last. */
  readonly recent: readonly string[]
  /** Of the log file, for `status`; empty without one. */
  readonly counts: Readonly<Record<string, number>>
  readonly limits: Readonly<Record<string, number>>
}

/** Gets lines without their ends. */
export type Sink = (line: string) => void

/** A log file, as `status` counts it. */
export interface FileSink extends Sink {
  readonly counts: {
    'log bytes': number
    /** Because of the limit, or a full disk. */
    'log lines lost': number
  }
  readonly limits: { readonly 'log bytes': number }
}

const RECENT = 50

/** `sinks` get each line, and so does `file`. With `isVerbose` also those of level `debug`. */
export function openLog(isVerbose: boolean, sinks: readonly Sink[], file?: FileSink): Log {
  const recent: string[] = []
  const log = (level: Level, text: string) => {
    if (level === 'debug' && !isVerbose) return
    const line = `${new Date().toISOString()} ${level} ${text}`
    recent.push(line)
    if (recent.length > RECENT) recent.shift()
    for (const sink of sinks) sink(line)
    file?.(line)
  }
  return Object.assign(log, { recent, counts: file?.counts ?? {}, limits: file?.limits ?? {} })
}

/** How much one responder writes to its file, in bytes. */
const MAX_FILE = 16 * 1024 * 1024

/** Appends to a file; once that fails, or after `limit` bytes, it only counts. @throws Failure `log-file` */
export function fileSink(path: string, limit = MAX_FILE): FileSink {
  const fd = openForAppending(path)
  const counts = { 'log bytes': 0, 'log lines lost': 0 }
  let isOpen = true
  const write = (line: string): boolean => {
    try {
      counts['log bytes'] += writeSync(fd, `${line}\n`)
      return true
    } catch {
      return false
    }
  }
  const sink = (line: string) => {
    if (!isOpen || !write(line)) {
      isOpen = false
      counts['log lines lost']++
    } else if (counts['log bytes'] >= limit) {
      write('no more is logged: the limit for one responder is reached')
      isOpen = false
    }
  }
  return Object.assign(sink, { counts, limits: { 'log bytes': limit } })
}

function openForAppending(path: string): number {
  try {
    return openSync(path, 'a', 0o600)
  } catch (error) {
    throw new Failure('log-file', `cannot write to the log file ${path}: ${(error as Error).message}`)
  }
}
