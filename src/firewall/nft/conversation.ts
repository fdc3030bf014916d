/** An `nft -i` process, spoken to over pipes. */
import { execa } from 'execa'
import { Failure } from '../../failure.js'
import { requireDescriptors } from '../../kernel/descriptors.js'
import { environment } from '../run.js'

/** An `nft -i` process that runs. */
export interface NftConversation {
  /**
   * Sends one line, which is a transaction.
   * @throws Failure `firewall-failed` when nft refuses it, ends, or gives no answer in time and is ended
   */
  say(line: string): Promise<void>
  /** Closes its standard input, which makes it end, and waits for that. A process that does not end is killed. */
  end(): Promise<void>
  readonly isAlive: boolean
}

/** Milliseconds for an answer, and for the process to end. */
const TIME_LIMIT = 15_000

/**
 * Starts nft in a session of its own, so that a Ctrl-C for us does not end it first. Only this process holds the
 * writing end of its standard input, because Node opens every descriptor close-on-exec.
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
  // Writing to a process that has ended is noticed by its end.
  nft.stdin.on('error', () => undefined)
  nft.stderr.setEncoding('utf8').on('data', (text: string) => {
    heard += text
    listen()
  })
  /** The tables end with the process, so a process that hangs would keep them. */
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
 * Returns the refusal in what nft printed. nft prints nothing on success, so every line is followed by a word that it
 * does not know. Its complaint about that word comes last, on the same stream. The last line of a complaint only points
 * at the word (`^^^^`), and the complaint before may end as late as this.
 */
function refusalIn(heard: string, marker: string): string | undefined {
  const end = heard.lastIndexOf('Error:', heard.indexOf(`${marker}\n`))
  const refusal = heard
    .slice(0, Math.max(end, 0))
    .replace(/^[\s^~]+/, '')
    .trim()
  return refusal === '' ? undefined : (refusal.split('\n', 1)[0] ?? '').replace(/^Error: /, '')
}
