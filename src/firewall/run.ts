/** Runs the firewall's own programs. */
import { execa } from 'execa'
import { Failure, refusedRight, toFailure, type FailureCode } from '../failure.js'
import { requireDescriptors } from '../kernel/descriptors.js'
import { lacksCapability } from '../kernel/threads.js'
import { environment } from './program-path.js'

export { environment, isProgram } from './program-path.js'

/** How a program ended, and what it wrote. */
export interface RunResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
  /** Why the program did not end by itself, or did not start. Then `stderr` says it in words, and `exitCode` is 127. */
  readonly unfinished?: 'timed out' | 'killed' | 'not started'
}

/** Runs a program to its end. Never rejects. */
export type Run = (argv: readonly string[], input?: string) => Promise<RunResult>

const CAP_NET_ADMIN = 12

const TIME_LIMIT = 15_000

/** Runs with execa, for 15 seconds at most. */
export const run: Run = (argv, input) => runFor(TIME_LIMIT, argv, input)

/** Runs a program as `run` does, for `limit` milliseconds at most. */
export async function runFor(limit: number, [file = '', ...args]: readonly string[], input = ''): Promise<RunResult> {
  try {
    requireDescriptors()
  } catch (thrown) {
    return { exitCode: 127, stdout: '', stderr: toFailure(thrown).message, unfinished: 'not started' }
  }
  // Once root is given up, this process may have no right to the directory it started in.
  const result = await execa(file, args, {
    reject: false,
    timeout: limit,
    cwd: '/',
    env: environment(),
    extendEnv: false,
    input,
  })
  const { exitCode, stdout, stderr } = result
  if (exitCode !== undefined) return { exitCode, stdout, stderr }
  const unfinished = result.timedOut ? 'timed out' : result.signal === undefined ? 'not started' : 'killed'
  const reasons = {
    'timed out': `no answer within ${limit / 1000} s`,
    'killed': `ended by ${result.signal ?? ''}`,
    'not started': `could not be started (${result.code ?? result.originalMessage ?? 'no reason given'})`,
  }
  return { exitCode: 127, stdout, stderr: reasons[unfinished], unfinished }
}

/**
 * Returns the standard output of a run that has to succeed.
 * @throws Failure `firewall-failed` with the program's own first line, `firewall-busy`
 */
export async function runOrFail(run: Run, argv: readonly string[], input?: string): Promise<string> {
  const result = await run(argv, input)
  if (result.exitCode === 0) return result.stdout
  throw failureOf(argv, result)
}

/**
 * Returns the failure for a run that did not succeed. It has the program's own first line, or says that another program
 * holds the lock of iptables, that no more files could be opened, or that this process lacks CAP_NET_ADMIN.
 */
export function failureOf(argv: readonly string[], result: RunResult): Failure {
  // The nft variants of iptables begin with a line of their name and version alone.
  const reason =
    result.stderr
      .replace(/^\S+ v[\d.]+ \(nf_tables\):\s*/, '')
      .trim()
      .split('\n', 1)[0] || `exit code ${result.exitCode}`
  // As root without its rights, in a container. The same complaint may be about a table that has an owner.
  if (/not permitted|Permission denied/.test(reason) && lacksCapability(CAP_NET_ADMIN))
    return refusedRight(`${argv.join(' ')}: ${reason.replace(' (you must be root)', '')}, without CAP_NET_ADMIN`)
  const [code, why]: [FailureCode, string] = /holding the xtables lock/.test(result.stderr)
    ? ['firewall-busy', 'another program holds the lock of iptables, /run/xtables.lock']
    : [/EMFILE|ENFILE/.test(reason) ? 'too-few-descriptors' : 'firewall-failed', reason]
  return new Failure(code, `${argv.join(' ')}: ${why}`, { cause: result })
}
