/** A store in Redis or Valkey. The only file that knows the client. */
import { createClient, createCluster, createSentinel } from '@redis/client'
import { Failure, isFailure } from '../failure.js'
import { describeAddress, type StoreAddress } from './address.js'
import type { Snapshot, Store, Topic } from './store.js'

/**
 * The names of keys and channels. The braces put all keys of a cluster on one of its nodes. A hash for each kind of
 * thing, rather than a key for each thing, is read at once without a search through what others keep in the store.
 */
const ENTRIES = '{certbot-nfq}:entries'
const NODES = '{certbot-nfq}:nodes'
const visitsOf = (entry: string) => `{certbot-nfq}:visits:${entry}`
const channelOf = (topic: Topic) => `{certbot-nfq}:${topic}`

/** Milliseconds after the last write until everything is forgotten. The longest time to live is a week. */
const KEEP_ENTRIES = 8 * 24 * 3600 * 1000
const KEEP_NODES = 3600 * 1000
const KEEP_VISITS = 600 * 1000

/** Milliseconds that a connection, and the answer to a command, may take. */
const CONNECT_TIME = 5_000
const COMMAND_TIME = 5_000

/** Milliseconds between two tries to connect. */
const RECONNECT_AFTER = 500

/** The most entries that are read. Responders arm fewer. */
const MAX_ENTRIES = 4_000

/**
 * The most bytes of one hash that are read, as Redis counts them. 4,000 entries take some 3 MB, and the records of 200
 * nodes that have 1,000 challenges each some 10 MB. Whoever can write to the store cannot fill our memory.
 */
const MAX_BYTES = 32 * 1024 * 1024

/** How a store is opened. */
export interface OpenOptions {
  /** PEM of the authorities that are trusted with TLS; undefined for those that Node trusts. */
  readonly ca: string | undefined
  /** What is listened to. */
  readonly topics: readonly Topic[]
  /** Called when somebody has told of one of these topics, and whenever the connection is there again. */
  readonly onTold: () => void
}

/** Sends a command that concerns this key. */
type Send = (key: string, words: string[]) => Promise<unknown>

interface Connection {
  /** What went wrong last with it, for a person. */
  readonly lastError: () => string
  /** Rejects when the store refuses what waiting does not change. The client would try again for ever. */
  readonly refusal: Promise<never>
  readonly send: Send
  readonly listen: (channel: string, onMessage: () => void) => Promise<unknown>
  readonly connect: () => Promise<unknown>
  readonly destroy: () => unknown
}

/** Connects to a store. It connects again by itself whenever the connection is lost. @throws Failure */
export async function openRedis(address: StoreAddress, { ca, topics, onTold }: OpenOptions): Promise<Store> {
  const where = describeAddress(address)
  const connection = connectionTo(address, ca, onTold)
  const attempt = async <Result>(task: () => Promise<Result>): Promise<Result> => {
    try {
      return await task()
    } catch (cause) {
      throw failureFor(where, cause, connection.lastError())
    }
  }
  const command: Send = (key, words) => attempt(() => inTime(connection.send(key, words)))
  try {
    await attempt(() => inTime(Promise.race([connection.connect(), connection.refusal]), CONNECT_TIME))
    for (const topic of topics) await attempt(() => inTime(connection.listen(channelOf(topic), onTold)))
  } catch (failure) {
    destroy(connection)
    throw failure
  }
  const putIn = async (key: string, members: ReadonlyMap<string, string>, keep: number): Promise<void> => {
    if (members.size === 0) return
    // Both are sent at once.
    await Promise.all([
      command(key, ['HSET', key, ...[...members].flat()]),
      command(key, ['PEXPIRE', key, String(keep)]),
    ])
  }
  const removeFrom = async (key: string, names: readonly string[]): Promise<void> => {
    if (names.length > 0) await command(key, ['HDEL', key, ...names])
  }
  return {
    async read(): Promise<Snapshot> {
      const [time, entries, nodes] = await Promise.all([
        command(NODES, ['TIME']),
        readHash(command, ENTRIES, where, MAX_ENTRIES),
        readHash(command, NODES, where),
      ])
      return { now: millisecondsOf(time), entries, nodes }
    },
    putEntries: (entries) => putIn(ENTRIES, entries, KEEP_ENTRIES),
    removeEntries: (ids) => removeFrom(ENTRIES, ids),
    putNode: (id, sealed) => putIn(NODES, new Map([[id, sealed]]), KEEP_NODES),
    removeNodes: (ids) => removeFrom(NODES, ids),
    putVisits: (entry, node, sealed) => putIn(visitsOf(entry), new Map([[node, sealed]]), KEEP_VISITS),
    readVisits: (entry) => readHash(command, visitsOf(entry), where),
    removeVisits: async (entry) => {
      await command(visitsOf(entry), ['DEL', visitsOf(entry)])
    },
    tell: async (topic) => {
      await command(channelOf(topic), ['PUBLISH', channelOf(topic), '1'])
    },
    close: () => destroy(connection),
  }
}

/** Reads a hash, unless it is larger than what we write can be. Redis says so before anything of it is sent. */
async function readHash(command: Send, key: string, where: string, most = Infinity): Promise<Map<string, string>> {
  const [length, usage] = await Promise.all([
    command(key, ['HLEN', key]),
    command(key, ['MEMORY', 'USAGE', key, 'SAMPLES', '0']),
  ])
  const [size, bytes] = [Number(length), Number(usage)]
  if (size > most) throw new Failure('store-refused', `the store ${where} has ${size} entries, too many to read`)
  if (bytes > MAX_BYTES)
    throw new Failure('store-refused', `the store ${where} has ${bytes} bytes in ${key}, too many to read`)
  return size === 0 ? new Map() : mapOf(await command(key, ['HGETALL', key]))
}

function connectionTo(address: StoreAddress, ca: string | undefined, onReady: () => void): Connection {
  const { kind, endpoints, user, password, isTls, database, primary } = address
  const login = { ...(user !== undefined && { username: user }), ...(password !== undefined && { password }) }
  const sockets = {
    connectTimeout: CONNECT_TIME,
    reconnectStrategy: RECONNECT_AFTER,
    ...(isTls && { tls: true as const, ...(ca !== undefined && { ca }) }),
  }
  const each = { ...login, socket: sockets, disableOfflineQueue: true }
  // Whoever sends a command sees that there is no connection. This says why.
  let last = ''
  let refuse: (cause: unknown) => void = () => undefined
  const refusal = new Promise<never>((_resolve, reject) => (refuse = reject))
  refusal.catch(() => undefined)
  const note = (cause: unknown) => {
    last = describe(cause)
    if (REFUSALS.test(last)) refuse(cause)
  }
  const seen = { lastError: () => last, refusal }
  if (kind === 'sentinel') {
    const client = createSentinel({
      name: primary,
      sentinelRootNodes: [...endpoints],
      nodeClientOptions: each,
      sentinelClientOptions: { socket: sockets },
      RESP: 2,
      scanInterval: 1_000,
      passthroughClientErrorEvents: true,
    })
    client.on('error', note).on('topology-change', onReady)
    return {
      ...seen,
      send: (_key, words) => client.sendCommand(false, words),
      listen: (channel, onMessage) => client.subscribe(channel, onMessage),
      connect: () => client.connect(),
      destroy: () => client.destroy(),
    }
  }
  if (kind === 'cluster') {
    const rootNodes = endpoints.map(({ host, port }) => ({ socket: { ...sockets, host, port } }))
    const client = createCluster({ rootNodes, defaults: each, RESP: 2 })
    client.on('error', note)
    return {
      ...seen,
      send: (key, words) => client.sendCommand(key, false, words),
      listen: (channel, onMessage) => client.subscribe(channel, onMessage),
      connect: () => client.connect(),
      destroy: () => client.destroy(),
    }
  }
  const [endpoint] = endpoints
  const client = createClient({ ...each, RESP: 2, database, socket: { ...sockets, ...endpoint } })
  const listener = client.duplicate()
  client.on('error', note).on('ready', onReady)
  listener.on('error', note).on('ready', onReady)
  return {
    ...seen,
    send: (_key, words) => client.sendCommand(words),
    listen: async (channel, onMessage) => {
      if (!listener.isOpen) await listener.connect()
      await listener.subscribe(channel, onMessage)
    },
    connect: () => client.connect(),
    destroy: () => {
      client.destroy()
      if (listener.isOpen) listener.destroy()
    },
  }
}

function destroy(connection: Connection): void {
  try {
    const ended: unknown = connection.destroy()
    if (ended instanceof Promise) ended.catch(() => undefined)
  } catch {
    // It was closed already.
  }
}

/** A connection may hang for longer than the client notices. */
async function inTime<Result>(task: Promise<Result>, limit = COMMAND_TIME): Promise<Result> {
  let timer: NodeJS.Timeout | undefined
  try {
    return await Promise.race([
      task,
      new Promise<never>((_resolve, reject) => {
        timer = setTimeout(() => reject(new Error(`no answer within ${limit / 1000} s`)), limit)
      }),
    ])
  } finally {
    clearTimeout(timer)
  }
}

/** Answers of Redis that waiting does not change. */
const REFUSALS = /^(NOAUTH|WRONGPASS|NOPERM|DENIED|WRONGTYPE|OOM|MISCONF)\b|\bAUTH\b/

/** Answers of a server that is of another kind than the URL says: one node of a cluster, one server, a Sentinel. */
const OF_ANOTHER_KIND = /^(MOVED \d|ERR This instance has cluster support disabled|ERR unknown command)/

function failureFor(where: string, cause: unknown, lastError: string): Failure {
  if (isFailure(cause)) return cause
  const why = describe(cause)
  const answers = [why, lastError]
  const misfit = answers.find((answer) => OF_ANOTHER_KIND.test(answer))
  if (misfit !== undefined)
    return new Failure('store-kind', `the store ${where} is not what its URL says: ${misfit}`, { cause })
  const refusal = answers.find((answer) => REFUSALS.test(answer))
  if (refusal !== undefined) return new Failure('store-refused', `the store ${where} refuses: ${refusal}`, { cause })
  return new Failure('store-unreachable', `the store ${where} does not answer: ${lastError || why}`, { cause })
}

function describe(cause: unknown): string {
  const { message = '', code = '' } = cause as Partial<NodeJS.ErrnoException>
  return message || code || 'no connection'
}

/** TIME answers with seconds and microseconds. */
function millisecondsOf(time: unknown): number {
  const [seconds, microseconds] = Array.isArray(time) ? time.map(Number) : []
  return (seconds ?? 0) * 1000 + Math.floor((microseconds ?? 0) / 1000)
}

/** HGETALL answers with names and values in turn. */
function mapOf(answer: unknown): Map<string, string> {
  const words = Array.isArray(answer) ? answer.map(String) : []
  return new Map(words.flatMap((word, at): [string, string][] => (at % 2 === 0 ? [[word, words[at + 1] ?? '']] : [])))
}
