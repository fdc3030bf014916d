import { execa } from 'execa'

/** How a program runs: its surroundings, what it reads, and whether failing throws. */
export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** What the program reads on standard input; without it that stream is empty. */
  readonly input?: string | Uint8Array
  /**
   * When false, a failure is an ordinary result. By default it throws an error with the command, its exit code and its
   * output.
   */
  readonly reject?: boolean
  /** Milliseconds, after which the program is ended with SIGTERM and counts as failed. */
  readonly timeout?: number
}

/** How a program ended, and all it wrote. */
export interface Finished {
  /** Undefined when a signal ended it or it could not be started. */
  readonly exitCode: number | undefined
  readonly stdout: string
  readonly stderr: string
}

/**
 * Runs one program to its end. A program that cannot be started rejects, or has its reason as `stderr`, depending on
 * `reject`.
 */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const [file = '', ...rest] = argv
  const { input, env, ...surroundings } = options
  // Execa does not take `stdin: 'ignore'` together with `input`.
  const stdin = input === undefined ? ({ stdin: 'ignore' } as const) : { input }
  const result = await execa(file, rest, {
    stripFinalNewline: false,
    env: withSystemPrograms(env),
    ...surroundings,
    ...stdin,
  })
  const { exitCode, stdout, stderr } = result
  return { exitCode, stdout, stderr: stderr === '' && exitCode === undefined ? (result.shortMessage ?? '') : stderr }
}

/**
 * Returns the environment with the directories of `ip`, `nginx` and `iptables` on PATH, which a root shell made by `su`
 * lacks.
 */
export function withSystemPrograms(env: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { ...env, PATH: `${env['PATH'] ?? process.env['PATH'] ?? '/usr/bin:/bin'}:/usr/sbin:/sbin` }
}
