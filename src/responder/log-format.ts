/** A line of the log as a value, and the two ways to write it. Pure. */

/** How important a line of the log is. */
export type Level = 'debug' | 'info' | 'warning' | 'error'

/** What a line is about, for programs; keys are one word each. The message says the same to a person. */
export type LogFields = Readonly<Record<string, string | number>>

/** A line of the log, as data. */
export interface LogEntry {
  readonly time: Date
  readonly level: Level
  readonly message: string
  readonly fields: LogFields
}

/** What `--log-format` takes. */
export const LOG_FORMATS = ['text', 'json'] as const

/** How lines of the log are written. */
export type LogFormat = (typeof LOG_FORMATS)[number]

/**
 * A line without its end. `text`: time (UTC), level, message; what would break the line is indented as its
 * continuation. `json`: one object with `time`, `level`, `message` and then the fields, none of which can take the
 * place of these three.
 */
export function formatEntry({ time, level, message, fields }: LogEntry, format: LogFormat): string {
  const head = { time: time.toISOString(), level, message }
  if (format === 'json') return JSON.stringify({ ...head, ...fields, ...head })
  return `${head.time} ${level} ${message.replaceAll('\n', '\n    ')}`
}
