/** Ordinary clients at work all the time. */
import { setTimeout as delay } from 'node:timers/promises'
import { challengeFor, requestFor } from '../scenarios/challenge.js'
import { connect } from './connection.js'
import { dnsNames, requestByDns } from './dns-bystanders.js'
import { requestByTls, tlsKinds } from './tls-bystanders.js'
import { addresses, type World } from './world.js'

/**
 * What became of their requests. A failure is `impaired` when the cable or the web server's restart may account for it.
 */
export interface BystanderCounts {
  readonly requests: number
  /** How many of them were by TLS, each with a handshake of its own. */
  readonly handshakes: number
  /** How many were queries to the name server. */
  readonly queries: number
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

const pauseMilliseconds = 60
const patience = 30_000

/** Starts them, on each address of the cycle; the returned function ends them, with their last answers, and counts. */
export function startBystanders(world: World): () => Promise<BystanderCounts> {
  const stopping = new AbortController()
  const counts = { requests: 0, handshakes: 0, queries: 0, failed: 0, impaired: 0 }
  const goOn = async (ask: () => Promise<string | undefined>, also?: 'handshakes' | 'queries') => {
    while (!stopping.signal.aborted) {
      const start = performance.now()
      const trouble = await ask()
      counts.requests += 1
      if (also) counts[also] += 1
      if (trouble !== undefined) judge(world, trouble, start, counts)
      await delay(pauseMilliseconds * world.means.pace)
    }
  }
  const work = world.plan.families.flatMap((family) => [
    ...kinds.map((kind) => goOn(() => request(world, kind, family))),
    ...(world.tlsServer ? tlsKinds : []).map((kind) => goOn(() => requestByTls(world, kind, family), 'handshakes')),
    ...(world.dnsServer ? dnsNames : []).map((name) => goOn(() => requestByDns(world, name, family), 'queries')),
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

/** Whether this is all that the web server answers. */
export function isAnswer({ webServer }: World, received: string): boolean {
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
