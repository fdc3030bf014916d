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

/** Runs a program to its end; a program that is missing or hangs gives exit code 127. */
export type Run = (argv: readonly string[], input?: string) => Promise<RunResult>

const TIME_LIMIT = 15_000

/** Runs with execa. */
export const run: Run = async ([file = '', ...args], input = '') => {
  const result = await execa(file, args, { reject: false, timeout: TIME_LIMIT, env: environment(), extendEnv: false, input })
  const stderr = result.exitCode === undefined ? (result.shortMessage ?? 'not run') : result.stderr
  return { exitCode: result.exitCode ?? 127, stdout: result.stdout, stderr }
}

/** Standard output of a run that has to succeed. @throws Failure `firewall-failed` with the program's own first line */
export async function runOrFail(run: Run, argv: readonly string[], input?: string): Promise<string> {
  const result = await run(argv, input)
  if (result.exitCode === 0) return result.stdout
  const reason = result.stderr.trim().split('\n', 1)[0] || `exit code ${result.exitCode}`
  throw new Failure('firewall-failed', `${argv.join(' ')}: ${reason}`, { cause: result })
}
