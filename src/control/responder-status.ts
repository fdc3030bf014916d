/** What a responder reports of itself. */
import { readChallengeStatus, type ChallengeStatus } from './challenge-status.js'
import { readStatelessStatus, type StatelessStatus } from './stateless-status.js'
import { isCount, isListOf, isObject, isPort, isWord, readList, readSentence, type Fields } from './fields.js'
import { readStoreStatus, type StoreStatus } from './store-status.js'
import { MAX_WEBROOTS, readWebrootStatus, type WebrootStatus } from './webroot-status.js'
import { isPrintable } from '../wire/printable.js'

/** The answer to `status`. */
export interface ResponderStatus {
  readonly version: string
  readonly protocol: number
  readonly pid: number
  readonly startedAt: string
  readonly queue: number
  readonly mark: number
  readonly ports: readonly number[]
  /** Absent while nothing is armed. */
  readonly firewall?: {
    readonly name: string
    readonly selection: string
    readonly reason: string
    readonly tracked: readonly number[]
  }
  /** Ports that nobody listens on and the responder serves itself; absent without any. */
  readonly standalone?: readonly number[]
  /** Seconds until it ends by itself; absent while something is armed, and when it stays until it is stopped. */
  readonly endsIn?: number
  /** Absent where only armed tokens are answered. */
  readonly stateless?: StatelessStatus
  readonly challenges: readonly ChallengeStatus[]
  /** The webroots that are watched; absent without any. */
  readonly webroots?: readonly WebrootStatus[]
  /** The store of the fleet; absent without one. */
  readonly store?: StoreStatus
  /** Numbers of packets, flows and so on, by name. */
  readonly counts: Readonly<Record<string, number>>
  /** The greatest values of the counts with these names. */
  readonly limits?: Readonly<Record<string, number>>
  /** The newest lines of the log. */
  readonly log: readonly string[]
}

/** Most challenges, ports, lines of the log and counts that are read. A responder has fewer. */
const MAX_CHALLENGES = 1_000
const MAX_PORTS = 1_000
const MAX_LOG = 1_000
const MAX_COUNTS = 200

/**
 * Reads a status. Returns `undefined` when it is not one. Unknown fields are left out, and long lines of the log are
 * cut.
 */
export function readResponderStatus(value: unknown): ResponderStatus | undefined {
  if (!isObject(value)) return undefined
  const { version, protocol, pid, startedAt, queue, mark, ports, standalone, endsIn } = value
  if (
    !isWord(version) ||
    !isCount(protocol) ||
    !isCount(pid) ||
    !isWord(startedAt) ||
    !isCount(queue) ||
    !isCount(mark)
  )
    return undefined
  if (!isListOf(ports, MAX_PORTS, isPort) || (standalone !== undefined && !isListOf(standalone, MAX_PORTS, isPort)))
    return undefined
  if (endsIn !== undefined && !isCount(endsIn)) return undefined
  const firewall = readFirewall(value['firewall'])
  const stateless = readStatelessStatus(value['stateless'])
  const webroots = readList(value['webroots'], MAX_WEBROOTS, readWebrootStatus)
  const store = readStoreStatus(value['store'])
  const challenges = readList(value['challenges'], MAX_CHALLENGES, readChallengeStatus)
  const log = readList(value['log'], MAX_LOG, readSentence)
  const [counts, limits] = [readCounts(value['counts']), readCounts(value['limits'])]
  if (!challenges || !counts || !log || isUnread(value, { firewall, stateless, limits, webroots, store }))
    return undefined
  const head = { version, protocol, pid, startedAt, queue, mark, ports }
  return {
    ...head,
    ...(firewall && { firewall }),
    ...(standalone && { standalone }),
    ...(endsIn !== undefined && { endsIn }),
    ...(stateless && { stateless }),
    challenges,
    ...(webroots && { webroots }),
    ...(store && { store }),
    counts,
    ...(limits && { limits }),
    log,
  }
}

function readFirewall(value: unknown): ResponderStatus['firewall'] {
  if (!isObject(value)) return undefined
  const { name, selection, tracked } = value
  const reason = readSentence(value['reason'])
  return isWord(name) && isWord(selection) && reason !== undefined && isListOf(tracked, 2, isCount)
    ? { name, selection, reason, tracked }
    : undefined
}

function readCounts(value: unknown): Record<string, number> | undefined {
  if (!isObject(value)) return undefined
  const entries = Object.entries(value)
  const isRead = (entry: [string, unknown]): entry is [string, number] =>
    entry[0].length <= 64 && isPrintable(entry[0]) && isCount(entry[1])
  return entries.length <= MAX_COUNTS && entries.every(isRead) ? Object.fromEntries(entries) : undefined
}

/** Returns whether one of these optional fields is there and could not be read. */
function isUnread(value: Fields, optional: Fields): boolean {
  return Object.entries(optional).some(([name, read]) => read === undefined && value[name] !== undefined)
}
