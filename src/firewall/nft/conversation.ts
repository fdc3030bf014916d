/** Runs `nft -i` as a child process and talks to it over pipes. */
import { execa } from 'execa'
import { Failure } from '../../failure.js'
import { requireDescriptors } from '../../kernel/descriptors.js'
import { environment } from '../run.js'

/** A running `nft -i` process. */
export interface NftConversation {
  /**
   * Sends one line, which nft applies as one transaction.
   * @throws Failure `firewall-failed` when nft refuses the line, ends, or does not answer in time and is killed
   */
  say(line: string): Promise<void>
  /** Closes the standard input of nft and waits for its end. Kills it when it does not end in time. */
  end(): Promise<void>
  readonly isAlive: boolean
}

/** Milliseconds to wait for an answer, and for the end of the process. */
const TIME_LIMIT = 15_000

/**
 * Starts nft in its own session (setsid(2)), so that Ctrl-C does not end it before us. Node opens descriptors
 * close-on-exec, so only this process holds the writing end of nft's standard input.
 * @throws Failure `too-few-descriptors`
 */
export function startNft(timeLimit = TIME_LIMIT): NftConversation {
  requireDescriptors()
  const nft = execa('nft', ['-i'], {
    detached: true,
    cleanup: false,
    reject: false,
    stdout: 'ignore',
    buffer: false,
    cwd: '/',
    env: environment(),
    extendEnv: false,
  })
  let isAlive = true
  let said = 0
  let heard = ''
  let listen: () => void = () => undefined
  void nft.then(() => {
    isAlive = false
    listen()
  })
  // A write to a process that has ended fails; `isAlive` already tells that it has.
  nft.stdin.on('error', () => undefined)
  nft.stderr.setEncoding('utf8').on('data', (text: string) => {
    heard += text
    listen()
  })
  /** Waits for a task, and kills nft when that takes too long: while nft hangs, its tables stay. */
  const killedInTime = async (task: Promise<unknown>): Promise<boolean> => {
    let isKilled = false
    const timer = setTimeout(() => (isKilled = nft.kill('SIGKILL')), timeLimit)
    await task
    clearTimeout(timer)
    return isKilled
  }
  return {
    say: async (line) => {
      said++
      const marker = `said-${said}`
      heard = ''
      nft.stdin.write(`${line}${marker}\n`)
      const answer = new Promise<void>((resolve) => {
        listen = () => {
          if (!isAlive || heard.includes(`${marker}\n`)) resolve()
        }
        listen()
      })
      if (await killedInTime(answer))
        throw new Failure('firewall-failed', `nft: no answer within ${timeLimit / 1000} s`)
      const refusal = refusalIn(heard, marker)
      if (refusal !== undefined) throw new Failure('firewall-failed', `nft: ${refusal}`)
      if (!isAlive) throw new Failure('firewall-failed', 'nft: ended unexpectedly')
    },
    end: async () => {
      nft.stdin.end()
      await killedInTime(nft)
    },
    get isAlive() {
      return isAlive
    },
  }
}

/**
 * Returns the first error in what nft printed, without `Error: `; `undefined` when there is none.
 *
 * nft prints nothing on success. So every line is followed by a marker, a word that nft does not know. The error about
 * the marker comes last, on the same stream, and shows that the line before it is done. An error ends with a line that
 * points at the word (`^^^^`). That line of the error before may still come at the beginning of `heard`.
 */
function refusalIn(heard: string, marker: string): string | undefined {
  const end = heard.lastIndexOf('Error:', heard.indexOf(`${marker}\n`))
  const refusal = heard
    .slice(0, Math.max(end, 0))
    .replace(/^[\s^~]+/, '')
    .trim()
  return refusal === '' ? undefined : (refusal.split('\n', 1)[0] ?? '').replace(/^Error: /, '')
}
