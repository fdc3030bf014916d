/** Asks from outside: a short-lived process in a network namespace of its own, on a cable to this one. Its packets come in as a validator's do. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Outcome, Question } from './ask.js'

/** What the process is told. */
export interface OutsideJob {
  /** A process of the namespace the cable leads to. */
  readonly pid: number
  readonly questions: readonly Question[]
  /** Milliseconds for each answer. */
  readonly limit: number
}

/** Asks all at once; `unknown` where no such process or cable can be had. It ends within `limit` milliseconds, and nothing stays: with the process go its namespace and the cable. */
export function askFromOutside(questions: readonly Question[], limit: number): Promise<readonly Outcome[]> {
  return new Promise((resolve) => {
    const program = fileURLToPath(new URL('outside-client.js', import.meta.url))
    const PATH = [process.env['PATH'], '/usr/sbin:/usr/bin:/sbin:/bin'].filter(Boolean).join(':')
    // A namespace without a name: the kernel removes it with its last process, however that ends.
    const client = spawn('unshare', ['--net', process.execPath, program], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'], cwd: '/', env: { PATH } })
    let outcomes: readonly Outcome[] = questions.map(() => 'unknown')
    const timer = setTimeout(() => {
      outcomes = questions.map(() => 'silent')
      client.kill('SIGKILL')
    }, limit)
    const end = () => {
      clearTimeout(timer)
      resolve(outcomes)
    }
    client.on('message', (message) => (outcomes = message as readonly Outcome[]))
    client.on('error', end)
    client.on('exit', end)
    // Room for the way there and back.
    const job: OutsideJob = { pid: process.pid, questions, limit: Math.max(limit - 400, 100) }
    client.send(job, () => undefined)
  })
}
