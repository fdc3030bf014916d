/** Runs the firewall's own programs. */
import { execa } from 'execa'
import { Failure } from '../failure.js'
import { environment } from './program-path.js'

export { environment, isProgram } from './program-path.js'

export interface RunResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end; one that is missing, hangs or is killed gives exit code 127, and the reason as its complaint. */
export type Run = (argv: readonly string[], input?: string) => Promise<RunResult>

const TIME_LIMIT = 15_000

/** Runs with execa. */
export const run: Run = async ([file = '', ...args], input = '') => {
  const result = await execa(file, args, { reject: false, timeout: TIME_LIMIT, env: environment(), extendEnv: false, input })
  if (result.exitCode !== undefined) return { exitCode: result.exitCode, stdout: result.stdout, stderr: result.stderr }
  const reason = result.timedOut ? `no answer within ${TIME_LIMIT / 1000} s` : result.signal ? `ended by ${result.signal}` : (result.originalMessage ?? 'not run')
  return { exitCode: 127, stdout: result.stdout, stderr: reason }
}

/** Standard output of a run that has to succeed. @throws Failure `firewall-failed` with the program's own first line, `firewall-busy` */
export async function runOrFail(run: Run, argv: readonly string[], input?: string): Promise<string> {
  const result = await run(argv, input)
  if (result.exitCode === 0) return result.stdout
  // The nft variants of iptables begin with a line of their name and version alone.
  const reason = result.stderr.replace(/^\S+ v[\d.]+ \(nf_tables\):\s*/, '').trim().split('\n', 1)[0] || `exit code ${result.exitCode}`
  const isBusy = /holding the xtables lock/.test(result.stderr)
  throw new Failure(isBusy ? 'firewall-busy' : 'firewall-failed', `${argv.join(' ')}: ${isBusy ? 'another program holds the lock of iptables, /run/xtables.lock' : reason}`, { cause: result })
}
