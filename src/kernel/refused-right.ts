import { Failure } from '../failure.js'

/**
 * The failure that a refusal by the kernel stands for: who is root already, or was until now, is not told to become it.
 */
export function refusedRight(message: string, isRoot = process.geteuid?.() === 0): Failure {
  return isRoot ? new Failure('capability-missing', message) : new Failure('not-root', message)
}
