/** What the file system refuses, as a failure that says what to do. */
import { Failure, isFailure, shortage } from '../../failure.js'

/** `what` says what could not be done, as in `write /a/path`. A failure that has its words already stays as it is. */
export function fileFailure(what: string, cause: unknown): Failure {
  if (isFailure(cause)) return cause
  const message = `cannot ${what}: ${(cause as Error).message}`
  return shortage(message, cause) ?? new Failure('install-failed', message, { cause })
}
