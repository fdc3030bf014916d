/** A line of the log as a value, and the two ways to write it. Pure. */

/** How important a line of the log is. */
export type Level = 'debug' | 'info' | 'warning' | 'error'

/** What a line is about, for programs. Each key is one word. The message says the same to a person. */
export type LogFields = Readonly<Record<string, string | number>>

/** A line of the log, as data. */
export interface LogEntry {
  readonly time: Date
  readonly level: Level
  readonly message: string
  readonly fields: LogFields
}

/** The values of `--log-format`. */
export const LOG_FORMATS = ['text', 'json'] as const

/** How lines of the log are written. */
export type LogFormat = (typeof LOG_FORMATS)[number]

/**
 * Returns a line without its end. `text`: time (UTC), level, message; line breaks are followed by indentation. `json`:
 * one object with `time`, `level`, `message` and then the fields, none of which can replace these three.
 */
export function formatEntry({ time, level, message, fields }: LogEntry, format: LogFormat): string {
  const head = { time: time.toISOString(), level, message }
  if (format === 'json') return JSON.stringify({ ...head, ...fields, ...head })
  return `${head.time} ${level} ${message.replaceAll('\n', '\n    ')}`
}
