/** What the file system refuses, as a failure that says what to do. */
import { Failure, isFailure } from '../../failure.js'

/** `what` says what could not be done, as in `write /a/path`. A failure that has its words already stays as it is. */
export function fileFailure(what: string, cause: unknown): Failure {
  if (isFailure(cause)) return cause
  const { code = '', message } = cause as NodeJS.ErrnoException
  if (code === 'ENOSPC' || code === 'EDQUOT') return new Failure('disk-full', `cannot ${what}: ${message}`, { cause })
  return new Failure('install-failed', `cannot ${what}: ${message}`, { cause })
}
