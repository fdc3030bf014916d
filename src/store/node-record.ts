/** What a node of the fleet tells the others, again and again: that it lives, and what it has armed. */
import { isCount, isObject, isWord, type Fields } from '../control/fields.js'
import { isPrintable } from '../wire/printable.js'
import { open, seal, type SealFault } from './seal.js'

/** A node's record. `at` and `steadySince` are times of the store's clock, in milliseconds since 1970. */
export interface NodeRecord {
  /** For people. Two nodes may have the same. */
  readonly name: string
  readonly version: string
  readonly at: number
  /** Since when it has found the store at every look, and has looked at least every two beats. */
  readonly steadySince: number
  /** Its own clock less the store's, in milliseconds. */
  readonly offset: number
  /** Milliseconds that the store took to answer it. */
  readonly delay: number
  /** The entries that it has armed: the time at which each was issued, by its id. */
  readonly armed: Readonly<Record<string, number>>
  /** How many entries it has refused, by reason. */
  readonly refused: Readonly<Record<string, number>>
}

/** Milliseconds between two records of a node. */
export const BEAT = 2_000

/** Milliseconds without a record after which a node does not live, if the store was there. */
export const LIVE_TIME = 6_000

/** Milliseconds after which its record is removed. */
export const FORGET_TIME = 600_000

const MAX_ARMED = 2_000
const MAX_REASONS = 20

/** Returns the text of a record in the store. `id` is the name that it is stored under. */
export function sealNode(id: string, record: NodeRecord, secret: Uint8Array): string {
  return seal('node', id, record, secret)
}

/** Reads a record. */
export function openNode(id: string, sealed: string, secret: Uint8Array): NodeRecord | SealFault {
  const opened = open('node', id, sealed, secret)
  if (typeof opened === 'string') return opened
  return readNode(opened.value) ?? 'malformed'
}

function readNode(value: unknown): NodeRecord | undefined {
  if (!isObject(value)) return undefined
  const { name, version, at, steadySince, offset, delay } = value
  const [armed, refused] = [readCounts(value['armed'], MAX_ARMED), readCounts(value['refused'], MAX_REASONS)]
  if (!isWord(name) || !isWord(version) || !isCount(at) || !isCount(steadySince) || !isCount(delay)) return undefined
  if (!Number.isSafeInteger(offset) || !armed || !refused) return undefined
  return { name, version, at, steadySince, offset: offset as number, delay, armed, refused }
}

function readCounts(value: unknown, most: number): Record<string, number> | undefined {
  if (!isObject(value)) return undefined
  const entries = Object.entries(value satisfies Fields)
  const isRead = (entry: [string, unknown]): entry is [string, number] =>
    entry[0].length <= 64 && isPrintable(entry[0]) && isCount(entry[1])
  return entries.length <= most && entries.every(isRead) ? Object.fromEntries(entries) : undefined
}
