import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { Failure } from '../../failure.js'

/**
 * Runs the hook of --then with these words, our environment and our streams. `input` is what was read of standard input
 * already. Resolves to its exit status, or for a signal to 128 and its number, as a shell does.
 * @throws Failure `then-failed` when it cannot be started
 */
export async function runOther(path: string, words: readonly string[], input?: string): Promise<number> {
  const hook = spawn(path, words, { stdio: [input === undefined ? 'inherit' : 'pipe', 'inherit', 'inherit'] })
  // A hook need not read its input.
  hook.stdin?.on('error', () => undefined).end(input)
  return new Promise((resolve, reject) => {
    hook.on('error', (cause) =>
      reject(new Failure('then-failed', `cannot run the hook of --then: ${cause.message}`, { cause })),
    )
    hook.on('exit', (status, signal) => resolve(status ?? 128 + (signal ? constants.signals[signal] : 0)))
  })
}
