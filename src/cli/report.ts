import { describeFailure, toFailure } from '../failure.js'

/** Says on standard error what went wrong and what to do, and sets the exit status; a stack trace only for a fault of ours, when asked for. */
export function reportFailure(thrown: unknown): void {
  const failure = toFailure(thrown)
  process.stderr.write(`${describeFailure(failure)}\n`)
  if (failure.code === 'internal' && process.env['CERTBOT_NFQ_VERBOSE'] && failure.cause instanceof Error) process.stderr.write(`${failure.cause.stack ?? ''}\n`)
  process.exitCode = 1
}
