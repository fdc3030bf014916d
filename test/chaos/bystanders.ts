/** Ordinary clients at work all the time. */
import { setTimeout as delay } from 'node:timers/promises'
import { challengeFor, requestFor } from '../scenarios/challenge.js'
import { connect, within } from './connection.js'
import { shakeHands } from './tls-handshake.js'
import { addresses, type World } from './world.js'

/**
 * What became of their requests. A failure is `impaired` when the cable or the web server's restart may account for it.
 */
export interface BystanderCounts {
  readonly requests: number
  /** How many of them were by TLS, each with a handshake of its own. */
  readonly handshakes: number
  readonly failed: number
  readonly impaired: number
}

interface Kind {
  readonly who: 'bystander' | 'curious'
  /** What they send, in so many segments. */
  readonly pieces: readonly string[]
}

const ordinary = requestFor('GET', '/')
const kinds: readonly Kind[] = [
  { who: 'bystander', pieces: [ordinary] },
  { who: 'bystander', pieces: [ordinary.slice(0, 1), ordinary.slice(1, 9), ordinary.slice(9)] },
  // For the program's eyes, and yet not its business.
  { who: 'curious', pieces: [challengeFor('nobody’s').request] },
]

interface TlsKind {
  readonly who: 'bystander' | 'curious'
  readonly name: string
  readonly protocol: string
  /** How the hello is cut. */
  readonly cuts: readonly number[]
}

/** By TLS. */
export const tlsKinds: readonly TlsKind[] = [
  { who: 'bystander', name: 'www.example.org', protocol: 'http/1.1', cuts: [] },
  // The kernel cannot tell of the first of its segments whether the protocol comes.
  { who: 'bystander', name: 'www.example.org', protocol: 'http/1.1', cuts: [3, 60] },
  // A name that nobody has armed.
  { who: 'curious', name: 'nobody.example.com', protocol: 'acme-tls/1', cuts: [] },
]

const pauseMilliseconds = 60
const patience = 30_000

/** Starts them, on each address of the cycle; the returned function ends them, with their last answers, and counts. */
export function startBystanders(world: World): () => Promise<BystanderCounts> {
  const stopping = new AbortController()
  const counts = { requests: 0, handshakes: 0, failed: 0, impaired: 0 }
  const goOn = async (ask: () => Promise<string | undefined>, isTls: boolean) => {
    while (!stopping.signal.aborted) {
      const start = performance.now()
      const trouble = await ask()
      counts.requests += 1
      if (isTls) counts.handshakes += 1
      if (trouble !== undefined) judge(world, trouble, start, counts)
      await delay(pauseMilliseconds * world.means.pace)
    }
  }
  const work = world.plan.families.flatMap((family) => [
    ...kinds.map((kind) => goOn(() => request(world, kind, family), false)),
    ...(world.tlsServer ? tlsKinds : []).map((kind) => goOn(() => requestByTls(world, kind, family), true)),
  ])
  return async () => {
    stopping.abort()
    await Promise.all(work)
    return counts
  }
}

/** What went wrong, if anything. */
async function request(world: World, { who, pieces }: Kind, family: 4 | 6): Promise<string | undefined> {
  const limit = patience * world.means.pace
  const connection = connect(world.lab.validator, addresses[who][family], addresses.server[family], limit)
  for (const piece of pieces) {
    if (!(await connection.write(piece))) break
    if (pieces.length > 1) await connection.acknowledged(limit)
  }
  const { how, received } = await connection.ended(limit)
  connection.close()
  if (how === 'closed' && isAnswer(world, received)) return undefined
  return `${who} on IPv${family}, port ${connection.port}, ${pieces.length} segments: ${how} ${JSON.stringify(received)}`
}

/** What went wrong, if anything: an ordinary request is answered, and `acme-tls/1` refused by the web server. */
export async function requestByTls(world: World, kind: TlsKind, family: 4 | 6): Promise<string | undefined> {
  const { who, name, protocol, cuts } = kind
  const limit = patience * world.means.pace
  const connection = connect(world.lab.validator, addresses[who][family], addresses.server[family], limit, 443)
  const say = async (hello: string): Promise<boolean> => {
    for (const [at, from] of [0, ...cuts].entries()) {
      if (!(await connection.write(hello.slice(from, cuts[at])))) return false
      if (cuts.length > 0) await connection.acknowledged(limit)
    }
    return true
  }
  const shaken = await shakeHands(connection, { name, protocol, say }, limit)
  let received = 'code' in shaken ? shaken.code : ''
  if ('socket' in shaken) {
    const { socket } = shaken
    const ended = new Promise<void>((resolve) => void socket.once('close', resolve).once('end', resolve))
    socket.setEncoding('latin1').on('data', (text: string) => (received += text))
    socket.write(ordinary)
    await within(limit, undefined, ended)
    socket.destroy()
  }
  connection.close()
  const isRight = protocol === 'acme-tls/1' ? /NO_APPLICATION/.test(received) : isAnswer(world, received)
  if (isRight) return undefined
  return `${who} by TLS on IPv${family}, port ${connection.port}, ${cuts.length + 1} segments: ${shaken.how} ${JSON.stringify(received)}`
}

function isAnswer({ webServer }: World, received: string): boolean {
  return received.startsWith('HTTP/1.1 200 OK') && received.endsWith(webServer.body)
}

function judge(world: World, trouble: string, start: number, counts: { failed: number; impaired: number }): void {
  // With a restart somewhere in the cycle: where its span ends is known only to a few milliseconds.
  if (world.plan.impairment === 'loss' || world.restarts.length > 0) {
    counts.impaired += 1
    world.note(`impaired request: ${trouble}`)
  } else {
    counts.failed += 1
    world.violate(`a bystander's request failed after ${(performance.now() - start).toFixed(0)} ms: ${trouble}`)
  }
}
