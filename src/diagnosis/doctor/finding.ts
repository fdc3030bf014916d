/** The result of a check. */

/**
 * `fail`: a validation will not pass, or another user can become root. `warn`: a validation may not pass, or something
 * could not be read.
 */
export type Level = 'ok' | 'warn' | 'fail'

/** The checks, in the order of the report. docs/doctor.md has a row for each; a test compares the two. */
export const CHECKS = [
  'rights',
  'owners',
  'node',
  'modules',
  'kernel',
  'firewall',
  'queue',
  'port',
  'filter',
  'untracked',
  'marks',
  'offload',
  'reverse-path',
  'run-directory',
  'leftovers',
  'clients',
  'fleet',
  'name',
] as const

/** The name of a check. */
export type Check = (typeof CHECKS)[number]

/** One line of the report. */
export interface Finding {
  readonly check: Check
  readonly level: Level
  /** What was found, and why, in one line. */
  readonly message: string
  /** What to do about it; never with `ok`. */
  readonly fix?: string
}

/** A finding that all is well. */
export function ok(check: Check, message: string): Finding {
  return { check, level: 'ok', message }
}

/** A finding that may cost a validation. */
export function warn(check: Check, message: string, fix: string): Finding {
  return { check, level: 'warn', message, fix }
}

/** A finding that nothing is known, because rules could not be read. `silent` has each command with its complaint. */
export function unread(check: Check, silent: readonly string[]): Finding {
  const isRoot = process.geteuid?.() === 0
  return warn(
    check,
    `not known: ${isRoot ? `rules could not be read: ${silent.join('; ')}` : 'only root can read the rules'}`,
    isRoot ? 'run that command and see what is wrong' : 'run doctor as root',
  )
}

/** A finding that does cost one. */
export function fail(check: Check, message: string, fix: string): Finding {
  return { check, level: 'fail', message, fix }
}
