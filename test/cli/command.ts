import { execa } from 'execa'
import type { Test } from 'tap'
import type { ClientName } from '../../src/cli/client-hooks.js'
import { inRepository } from '../../src/lab/repository.js'

/** How a command ended, and what it wrote. */
export interface Ended {
  readonly exitCode: number | undefined
  readonly stdout: string
  readonly stderr: string
}

/**
 * Runs a program of hooks/ as a user would: with nothing of this process's environment but PATH. `before` are words in
 * front of it, and `input` is its standard input.
 */
export async function runHook(
  name: ClientName | 'auth' | 'cleanup' | 'certbot-nfq',
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  before: readonly string[] = [],
  input = '',
): Promise<Ended> {
  const PATH = `${process.env['PATH'] ?? '/usr/bin:/bin'}:/usr/sbin:/sbin`
  const variables = Object.entries({ PATH, ...env }).map(([name, value]) => `${name}=${value}`)
  // Not by execa's options: tap adds its own NODE_OPTIONS to every process started here.
  const words = ['-i', ...variables, ...before, inRepository(`hooks/${name}`), ...argv]
  const { exitCode, stdout, stderr } = await execa('env', words, { reject: false, input, timeout: 240_000 })
  return { exitCode, stdout, stderr }
}

/**
 * Asserts that a command failed as a user should see it: two lines on standard error with this code, and no stack
 * trace.
 */
export function failsWith(t: Test, { exitCode, stdout, stderr }: Ended, code: string, what: string): void {
  t.test(what, (t) => {
    const [cause, fix, ...more] = stderr.split('\n')
    t.match(cause, /^certbot-nfq: ./)
    t.ok(fix?.endsWith(` [${code}, ${inRepository('docs/errors.md')}#${code}]`), `[${code}] in: ${stderr}`)
    t.strictSame(more, [], 'no more lines')
    t.notMatch(stderr, /^\s+at /m, 'no stack trace')
    t.strictSame([exitCode, stdout], [1, ''], 'exit status, standard output')
    t.end()
  })
}
