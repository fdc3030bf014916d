/** The responder's log. It keeps the newest lines in memory, for `status`, and passes every line to its sinks. */
import { constants, openSync, writeSync } from 'node:fs'
import { Failure, shortage } from '../failure.js'
import { formatEntry, type Level, type LogEntry, type LogFields, type LogFormat } from './log-format.js'

/** The log of a responder. */
export interface Log {
  /** Logs a line. `fields` tell programs what the message tells people. */
  (level: Level, message: string, fields?: LogFields): void
  /** The newest lines as text, newest last. */
  readonly recent: readonly string[]
  /** Counts of the log file, for `status`; empty without one. */
  readonly counts: Readonly<Record<string, number>>
  readonly limits: Readonly<Record<string, number>>
}

/** Takes each line of the log. Never throws, and never waits. */
export type Sink = (entry: LogEntry) => void

/** A log file, as `status` counts it. */
export interface FileSink extends Sink {
  readonly counts: {
    logBytes: number
    /** Lines that were lost because of the limit, or a full disk. */
    logLinesLost: number
  }
  readonly limits: { readonly logBytes: number }
}

const RECENT = 50

/** Returns a log whose `sinks` and `file` get each line. Lines of level `debug` are logged only with `isVerbose`. */
export function openLog(isVerbose: boolean, sinks: readonly Sink[], file?: FileSink): Log {
  const recent: string[] = []
  const log = (level: Level, message: string, fields: LogFields = {}) => {
    if (level === 'debug' && !isVerbose) return
    const entry: LogEntry = { time: new Date(), level, message, fields }
    recent.push(formatEntry(entry, 'text'))
    if (recent.length > RECENT) recent.shift()
    for (const sink of sinks) sink(entry)
    file?.(entry)
  }
  return Object.assign(log, { recent, counts: file?.counts ?? {}, limits: file?.limits ?? {} })
}

/** Returns a sink that passes each line on as text or JSON, without its end. */
export function lineSink(format: LogFormat, write: (line: string) => void): Sink {
  return (entry) => write(formatEntry(entry, format))
}

/** The most bytes that one responder writes to its file in a day. */
const MAX_FILE = 16 * 1024 * 1024

/** Milliseconds after which the limit counts anew, and a file that could not be written to is tried again. */
const DAY = 24 * 3_600_000

/**
 * Returns a sink that appends to a file. Once that fails, or after `limit` bytes, it only counts, until a day has
 * passed since it began.
 * @throws Failure `log-file`
 */
export function fileSink(path: string, format: LogFormat = 'text', limit = MAX_FILE): FileSink {
  const fd = openForAppending(path)
  const counts = { logBytes: 0, logLinesLost: 0 }
  let isOpen = true
  let begunAt: number | undefined
  const write = (entry: LogEntry): boolean => {
    try {
      counts.logBytes += writeSync(fd, `${formatEntry(entry, format)}\n`)
      return true
    } catch {
      return false
    }
  }
  const sink = (entry: LogEntry) => {
    const now = entry.time.getTime()
    begunAt ??= now
    if (now - begunAt >= DAY) {
      begunAt = now
      counts.logBytes = 0
      isOpen = true
    }
    if (!isOpen || !write(entry)) {
      isOpen = false
      counts.logLinesLost++
    } else if (counts.logBytes >= limit) {
      write({
        time: entry.time,
        level: 'warning',
        message: 'no more is logged: the limit for one responder and day is reached',
        fields: {},
      })
      isOpen = false
    }
  }
  return Object.assign(sink, { counts, limits: { logBytes: limit } })
}

function openForAppending(path: string): number {
  try {
    // A FIFO or terminal that nobody reads must not make us wait. For files the flag has no effect.
    return openSync(
      path,
      constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOCTTY | constants.O_NONBLOCK,
      0o600,
    )
  } catch (error) {
    const message = `cannot write to the log file ${path}: ${(error as Error).message}`
    throw shortage(message, error) ?? new Failure('log-file', message)
  }
}
