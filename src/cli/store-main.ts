/**
 * The process that looks at the store of a fleet for `serve --store`. It reads the files that take root, gives up every
 * right, and connects to the store only then. It asks the responder by its parent, over its standard streams.
 */
import { createInterface } from 'node:readline'
import { formatMessage, type ControlRequest } from '../control/message.js'
import { MAX_NODES, type StoreStatus } from '../control/store-status.js'
import { Failure, isFailureCode, toFailure } from '../failure.js'
import { findAccount } from '../kernel/account.js'
import { dropAllPrivileges } from '../kernel/privileges.js'
import { systemClock } from '../responder/clock.js'
import { describeAddress } from '../store/address.js'
import { FleetNode, type AskResponder, type FleetState } from '../store/fleet-node.js'
import { nodeId, nodeName } from '../store/node-identity.js'
import { openRedis } from '../store/redis.js'
import { nodeStatusOf } from './fleet/node-status.js'
import { readOptions } from './options.js'
import { reportFailure, warn } from './report.js'
import type { StoreReplyLine } from './serve/serve-store.js'
import { readStoreRequest } from './fleet/store-request.js'
import { version } from './version.js'

/** Milliseconds between two warnings, so that nobody fills the log. */
const WARN_EVERY = 60_000

main().catch((thrown: unknown) => {
  reportFailure(thrown)
  process.exit()
})

async function main(): Promise<void> {
  // The parent decides when this ends: it closes the standard input. A signal to the group is for the responder.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined)
  const options = readOptions(process.argv.slice(2), process.env)
  const { address, secret, ca } = readStoreRequest(options)
  const id = nodeId(options.runDir)
  const named = options.user === undefined ? undefined : findAccount(options.user)
  if (named?.uid !== 0) await dropAllPrivileges(named)
  const ask = askParent()
  let warnedAt = -Infinity
  const warnNowAndThen = (failure: Failure) => {
    if (performance.now() - warnedAt < WARN_EVERY) return
    warnedAt = performance.now()
    warn(failure)
  }
  let reported = ''
  const node = new FleetNode({
    id,
    name: nodeName(options.storeName),
    version,
    secret,
    clock: systemClock,
    ask,
    connect: (onTold) => openRedis(address, { ca, topics: ['entries'], onTold }),
    onState: (state) => {
      const store = statusOf(state, describeAddress(address))
      // The time alone is no news for a log, but it is for the status.
      const next = JSON.stringify(store)
      if (next === reported) return
      reported = next
      ask({ op: 'store', store }).catch((thrown: unknown) => warnNowAndThen(toFailure(thrown)))
    },
    onFailure: warnNowAndThen,
    onRefusal: () => undefined,
  })
  process.stdin.on('close', () => void node.close().finally(() => process.exit()))
}

/** Returns a function that has the parent ask the responder. */
function askParent(): AskResponder {
  const waiting = new Map<number, (reply: StoreReplyLine) => void>()
  let last = 0
  process.stdout.on('error', () => process.exit())
  createInterface({ input: process.stdin }).on('line', (line) => {
    const reply = JSON.parse(line) as StoreReplyLine
    waiting.get(reply.id)?.(reply)
    waiting.delete(reply.id)
  })
  return (message: ControlRequest) =>
    new Promise((resolve, reject) => {
      const id = ++last
      waiting.set(id, ({ reply, failure }) => {
        if (reply !== undefined) resolve(reply)
        else {
          const code = failure && isFailureCode(failure.code) ? failure.code : 'responder-lost'
          reject(new Failure(code, failure?.message ?? 'no reply'))
        }
      })
      process.stdout.write(`${JSON.stringify({ id, line: formatMessage(message).trimEnd() })}\n`)
    })
}

function statusOf(state: FleetState, url: string): StoreStatus {
  const { trouble, readAt, now, nodes, unverified, armed, refused } = state
  const records = [...nodes.values()]
  return {
    url,
    ...(readAt && { readAt: readAt.toISOString() }),
    ...(trouble && { trouble: trouble.message }),
    armed,
    refused,
    nodes: records.slice(0, MAX_NODES).map((record) => nodeStatusOf(record, now)),
    unverified: unverified.length,
  }
}
