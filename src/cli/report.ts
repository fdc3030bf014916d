import { fileURLToPath } from 'node:url'
import { describeFailure, toFailure, type Failure } from '../failure.js'
import { paintFor } from './colour.js'
import { withOwnCommand } from './own-command.js'

/**
 * docs/errors.md, which is installed with the program and found from its directory. A line break in the path would make
 * a third line.
 */
export const ERRORS_PAGE = fileURLToPath(new URL('../../docs/errors.md', import.meta.url)).replaceAll(/\s*\n\s*/g, ' ')

/**
 * Writes to standard error what went wrong and what to do, and sets the exit status. A stack trace is written only for
 * an internal fault, and on request.
 */
export function reportFailure(thrown: unknown): void {
  const failure = toFailure(thrown)
  say(failure, 'red')
  if (failure.code === 'internal' && process.env['CERTBOT_NFQ_VERBOSE'] && failure.cause instanceof Error)
    process.stderr.write(`${failure.cause.stack ?? ''}\n`)
  process.exitCode = 1
}

/** Writes to standard error what went wrong on the way to success. The exit status does not change. */
export function warn(failure: Failure): void {
  say(failure, 'yellow')
}

function say(failure: Failure, colour: 'red' | 'yellow'): void {
  const paint = paintFor(process.stderr, process.env)
  const [cause = '', ...advice] = describeFailure(failure, ERRORS_PAGE, (text) => paint(colour, text)).split('\n')
  process.stderr.write(`${[cause, ...advice.map(withOwnCommand)].join('\n')}\n`)
}
