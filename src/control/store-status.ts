/** What the process that looks at the store reports of it. The responder passes it on in its status. */
import { isCount, isObject, isWord, readList, readSentence } from './fields.js'
import { isPrintable } from '../wire/printable.js'

/** A node of the fleet, as its last record says. */
export interface NodeStatus {
  readonly name: string
  readonly version: string
  /** Seconds since that record. */
  readonly age: number
  /** Whether hooks wait for it. */
  readonly isLive: boolean
  /** Milliseconds by which its clock is ahead of this machine's. */
  readonly offset: number
  /** Milliseconds that the store takes to answer it. */
  readonly delay: number
  /** The number of challenges that it has armed from the store. */
  readonly armed: number
  readonly refused: number
}

/** The store and the fleet, as this machine sees them. */
export interface StoreStatus {
  /** Where the store is, without a password. */
  readonly url: string
  /** When the store was last read. Absent while it never was. */
  readonly readAt?: string
  /** Why it cannot be used now. */
  readonly trouble?: string
  readonly armed: number
  /** The number of entries that were refused, by reason. */
  readonly refused: Readonly<Record<string, number>>
  readonly nodes: readonly NodeStatus[]
  /** The number of nodes whose records do not verify: another secret, or made up. */
  readonly unverified: number
}

/** Most nodes and reasons that are read. */
export const MAX_NODES = 200
const MAX_REASONS = 20

/** Reads one. Returns `undefined` when it is none. Unknown fields are left out. */
export function readStoreStatus(value: unknown): StoreStatus | undefined {
  if (!isObject(value)) return undefined
  const { readAt, armed, unverified } = value
  const [url, trouble] = [readSentence(value['url']), readSentence(value['trouble'])]
  const refused = readRefused(value['refused'])
  const nodes = readList(value['nodes'], MAX_NODES, readNodeStatus)
  if (url === undefined || !isCount(armed) || !isCount(unverified) || !refused || !nodes) return undefined
  if (readAt !== undefined && !isWord(readAt)) return undefined
  return {
    url,
    ...(readAt !== undefined && { readAt }),
    ...(trouble !== undefined && { trouble }),
    armed,
    refused,
    nodes,
    unverified,
  }
}

function readNodeStatus(value: unknown): NodeStatus | undefined {
  if (!isObject(value)) return undefined
  const { name, version, age, isLive, offset, delay, armed, refused } = value
  if (!isWord(name) || !isWord(version) || !isCount(age) || typeof isLive !== 'boolean') return undefined
  if (!Number.isSafeInteger(offset) || !isCount(delay) || !isCount(armed) || !isCount(refused)) return undefined
  return { name, version, age, isLive, offset: offset as number, delay, armed, refused }
}

function readRefused(value: unknown): Record<string, number> | undefined {
  if (!isObject(value)) return undefined
  const entries = Object.entries(value)
  const isRead = (entry: [string, unknown]): entry is [string, number] =>
    entry[0].length <= 64 && isPrintable(entry[0]) && isCount(entry[1])
  return entries.length <= MAX_REASONS && entries.every(isRead) ? Object.fromEntries(entries) : undefined
}
