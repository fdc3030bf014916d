/** Keeps a program running that changes the firewall, and talks to it over pipes. */
import { execa } from 'execa'
import { Failure } from '../failure.js'
import { requireDescriptors } from '../kernel/descriptors.js'
import { environment } from './run.js'

/** A program that is kept running. */
export interface Conversation {
  /**
   * Sends what the program applies as one transaction: whole lines.
   * @throws Failure `firewall-failed` when the program refuses it, ends, or does not answer in time and is killed
   */
  say(lines: string): Promise<void>
  /** Closes the standard input of the program and waits for its end. Kills it when it does not end in time. */
  end(): Promise<void>
  readonly isAlive: boolean
}

/**
 * How to talk to a program. Such a program is silent about what succeeds. So what it is told is followed by a mark, a
 * line that changes nothing and that makes it print a word. When the word comes, all that stands before it is done.
 */
export interface Dialect {
  readonly argv: readonly string[]
  /** Where the program prints the word. Standard error is read as well. */
  readonly answersOn: 'stdout' | 'stderr'
  /** Returns the mark. At the mark the program prints a line that ends with the word. */
  mark(word: string): string
  /** Returns the first line of a refusal in what the program has printed since then; `undefined` if there is none. */
  refusalIn(heard: string, word: string): string | undefined
}

/** Starts a program to talk to. @throws Failure `too-few-descriptors` */
export type Converse = (dialect: Dialect) => Conversation

/** Milliseconds to wait for an answer, and for the end of the process. */
const TIME_LIMIT = 15_000

/** Starts the program, with a time limit of 15 seconds. */
export const converse: Converse = (dialect) => converseFor(TIME_LIMIT, dialect)

/**
 * Starts the program in its own session (setsid(2)), so that Ctrl-C does not end it before us. Node opens descriptors
 * close-on-exec, so only this process holds the writing end of the program's standard input. The program ends when that
 * is closed, however this process ends.
 * @throws Failure `too-few-descriptors`
 */
export function converseFor(timeLimit: number, { argv, answersOn, mark, refusalIn }: Dialect): Conversation {
  requireDescriptors()
  const [name = '', ...args] = argv
  const program = execa(name, args, {
    detached: true,
    cleanup: false,
    reject: false,
    buffer: false,
    cwd: '/',
    env: environment(),
    extendEnv: false,
    ...(answersOn === 'stderr' && { stdout: 'ignore' }),
  })
  let isAlive = true
  let said = 0
  let heard = ''
  let listen: () => void = () => undefined
  void program.then(() => {
    isAlive = false
    listen()
  })
  // A write to a process that has ended fails; `isAlive` already tells that it has.
  program.stdin.on('error', () => undefined)
  for (const stream of [program.stdout, program.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      heard += text
      listen()
    })
  }
  /** Waits for a task, and kills the program when that takes too long: nft's tables stay while it hangs. */
  const killedInTime = async (task: Promise<unknown>): Promise<boolean> => {
    let isKilled = false
    const timer = setTimeout(() => (isKilled = program.kill('SIGKILL')), timeLimit)
    await task
    clearTimeout(timer)
    return isKilled
  }
  return {
    say: async (lines) => {
      said++
      const word = `said-${said}`
      heard = ''
      program.stdin.write(`${lines}${mark(word)}\n`)
      const answer = new Promise<void>((resolve) => {
        listen = () => {
          if (!isAlive || heard.includes(`${word}\n`)) resolve()
        }
        listen()
      })
      if (await killedInTime(answer))
        throw new Failure('firewall-failed', `${name}: no answer within ${timeLimit / 1000} s`)
      const refusal = refusalIn(heard, word)
      if (refusal !== undefined) throw new Failure('firewall-failed', `${name}: ${refusal}`)
      if (!isAlive) throw new Failure('firewall-failed', `${name}: ended unexpectedly`)
    },
    end: async () => {
      program.stdin.end()
      await killedInTime(program)
    },
    get isAlive() {
      return isAlive
    },
  }
}

/** Returns whether a conversation has failed because the program did not answer. */
export function isSilence(thrown: unknown): boolean {
  return thrown instanceof Failure && /: no answer within \d/.test(thrown.message)
}
