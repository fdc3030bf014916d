/**
 * Asks from outside, by a short-lived process in a network namespace of its own, on a cable to this one. Its packets
 * come in as a validator's do.
 */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { AskResult, Question } from './asking.js'
import { patience } from './patience.js'
import { environment } from '../../firewall/program-path.js'

/** What the process has to do. */
export interface OutsideJob {
  /** A process of the namespace the cable leads to. */
  readonly pid: number
  readonly questions: readonly Question[]
}

/**
 * What the process reports, each time something has changed: a result for each question, and whether waiting longer is
 * of no use.
 */
export interface OutsideNews {
  readonly results: readonly AskResult[]
  readonly isOver: boolean
}

/** Requests under way from outside. */
export interface OutsideAsking {
  /** A result for each question, as it is now. */
  readonly results: readonly AskResult[]
  /** Resolves when all are answered, the time is over, or nothing can be asked. */
  readonly over: Promise<void>
  /** Ends the process and removes the cable. */
  close(): Promise<void>
}

/** Milliseconds for the process to start asking, and to remove its cable: the start of a Node, and `ip` twice. */
const TIME_LIMIT = 30_000

/**
 * Asks all questions at once. Results are `unknown` until the process and its cable are there. Nothing stays behind:
 * namespace and cable end with the process.
 */
export function askFromOutside(questions: readonly Question[]): OutsideAsking {
  const program = fileURLToPath(new URL('outside-client.js', import.meta.url))
  // A namespace without a name. The kernel removes it with its last process, however that ends.
  const client = spawn('unshare', ['--net', process.execPath, program], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    cwd: '/',
    env: environment(),
  })
  let results: readonly AskResult[] = questions.map(() => ({ state: 'unknown' }))
  const ended = new Promise<void>((resolve) => client.once('error', () => resolve()).once('exit', () => resolve()))
  const closed = new AbortController()
  const over = new Promise<void>((resolve) => {
    client.on('message', (message) => {
      const news = message as OutsideNews
      results = news.results
      if (news.isOver) resolve()
    })
    void ended.then(resolve)
    void patience(TIME_LIMIT, closed.signal).then(resolve)
  })
  const job: OutsideJob = { pid: process.pid, questions }
  client.send(job, () => undefined)
  return {
    get results() {
      return results
    },
    over,
    close: async () => {
      closed.abort()
      if (client.connected) client.disconnect()
      const endedAtLast = new AbortController()
      void ended.then(() => endedAtLast.abort())
      await patience(TIME_LIMIT, endedAtLast.signal)
      client.kill('SIGKILL')
    },
  }
}
