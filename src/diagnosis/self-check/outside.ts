/**
 * Asks from outside: a short-lived process in a network namespace of its own, on a cable to this one. Its packets come
 * in as a validator's do.
 */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { AskResult, Question } from './ask.js'
import { patience } from './patience.js'
import { environment } from '../../firewall/program-path.js'

/** What the process is told. */
export interface OutsideJob {
  /** A process of the namespace the cable leads to. */
  readonly pid: number
  readonly questions: readonly Question[]
}

/**
 * What it tells, each time something has changed: a result for each question, and whether to wait for more is of no
 * use.
 */
export interface OutsideNews {
  readonly results: readonly AskResult[]
  readonly isOver: boolean
}

export interface OutsideAsking {
  /** A result for each question, as it is now. */
  readonly results: readonly AskResult[]
  /** Resolves when all have been answered, or waited for long enough, or cannot be asked. */
  readonly over: Promise<void>
  /** Takes process and cable away. */
  close(): Promise<void>
}

/** Milliseconds for the process to come to its questions, and to take its cable away: a Node and `ip` twice. */
const TIME_LIMIT = 30_000

/**
 * Asks all at once; `unknown` where no such process or cable can be had, and until it can. Nothing stays: with the
 * process go its namespace and the cable.
 */
export function askFromOutside(questions: readonly Question[]): OutsideAsking {
  const program = fileURLToPath(new URL('outside-client.js', import.meta.url))
  // A namespace without a name: the kernel removes it with its last process, however that ends.
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
