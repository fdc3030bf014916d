/**
 * `npm run bench:fleet`: how long a hook waits for a fleet. A real Redis in a namespace, and nodes that arm at once,
 * all in this process: what is measured is the store's part, to which the slowest responder's arming adds.
 */
import { randomBytes } from 'node:crypto'
import { openLab } from '../../src/lab/lab.js'
import { systemClock } from '../../src/responder/clock.js'
import { readStoreAddress } from '../../src/store/address.js'
import type { Entry } from '../../src/store/entry.js'
import { FleetNode } from '../../src/store/fleet-node.js'
import { LIVE_TIME } from '../../src/store/node-record.js'
import { publish } from '../../src/store/publish.js'
import { openRedis } from '../../src/store/redis.js'
import { startRedis } from '../fleet/redis.js'

const SIZES = [1, 3, 10, 50]
const ROUNDS = 21
const socket = process.argv[2]

if (socket === undefined) await insideLab()
else await measure(socket)

/** Runs this program again in a namespace of its own, beside a Redis. */
async function insideLab(): Promise<void> {
  const lab = await openLab()
  try {
    await startRedis(lab, 6379)
    const argv = [process.execPath, ...process.execArgv, process.argv[1] ?? '', 'redis://127.0.0.1']
    const env = { TS_NODE_TRANSPILE_ONLY: '1' }
    process.stdout.write(`${(await lab.server.exec(argv, { env, timeout: 600_000 })).stdout}\n`)
  } finally {
    await lab.close()
  }
}

async function measure(url: string): Promise<void> {
  const [secret, address] = [randomBytes(32), readStoreAddress(url)]
  const connect = (topic: 'entries' | 'nodes') => (onTold: () => void) =>
    openRedis(address, { ca: undefined, topics: [topic], onTold })
  const nodes: FleetNode[] = []
  let base = 0
  for (const size of SIZES) {
    while (nodes.length < size) nodes.push(nodeOf(nodes.length))
    await new Promise((resolve) => setTimeout(resolve, LIVE_TIME + 4_000))
    const [auth, cleanup]: [number[], number[]] = [[], []]
    for (let round = 0; round < ROUNDS; round++) {
      const token = randomBytes(32).toString('base64url')
      const head = { type: 'http-01', token, expiresAt: Date.now() + 60_000, origin: 'bench' } as const
      const keyAuthorization = `${token}.${'A'.repeat(43)}`
      const armed = {
        ...head,
        state: 'armed',
        issuedAt: Date.now(),
        identifier: 'a.example',
        keyAuthorization,
        port: 80,
      }
      auth.push(await time(armed as Entry, size))
      cleanup.push(await time({ ...head, state: 'withdrawn', issuedAt: Date.now() + 1 }, size))
    }
    base ||= median(auth)
    process.stdout.write(`| ${size} | ${shown(auth)} | ${(median(auth) / base).toFixed(1)} | ${shown(cleanup)} |\n`)
  }
  process.exit()

  function nodeOf(number: number): FleetNode {
    const nothing = () => undefined
    return new FleetNode({
      ...{ id: `node-${number}`, name: `web${number}`, version: '0', secret, clock: systemClock },
      ask: () => Promise.resolve({ ok: true }),
      connect: connect('entries'),
      ...{ onState: nothing, onFailure: nothing, onRefusal: nothing },
    })
  }

  async function time(entry: Entry, size: number): Promise<number> {
    const begun = performance.now()
    const options = { connect: connect('nodes'), secret, clock: systemClock, timeLimit: 30_000 }
    const { names, live, trouble } = await publish([entry], options)
    if (names.length > 0 || live !== size || trouble !== undefined)
      throw new Error(`${live} of ${size} nodes live; late: ${names.join()} ${String(trouble)}`)
    return performance.now() - begun
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN
}

function shown(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b).map((value) => value.toFixed(0))
  return `${median(values).toFixed(0)} (${sorted[0] ?? ''} to ${sorted.at(-1) ?? ''})`
}
