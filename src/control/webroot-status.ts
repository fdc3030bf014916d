/** What the process that watches a webroot reports of it. The responder passes it on in its status. */
import { isCount, isObject, readSentence } from './fields.js'
import { isPrintable } from '../wire/printable.js'

/** A watched webroot. */
export interface WebrootStatus {
  readonly directory: string
  /** Where the way to DIRECTORY/.well-known/acme-challenge ends for now, and why. Absent when it is all there. */
  readonly obstacle?: { readonly reason: string; readonly path: string }
  /** Whether the kernel tells of changes. Otherwise somebody looks once a second. */
  readonly isWatched: boolean
  /** Whether there are more names in it than are looked at. */
  readonly isCut: boolean
  /** The number of files that are armed. */
  readonly armed: number
  /** The number of files that are there and not armed, by reason. */
  readonly refused: Readonly<Record<string, number>>
}

/** Most webroots, and most reasons of one, that are read. */
export const MAX_WEBROOTS = 100
const MAX_REASONS = 20

/** Reads one. Returns `undefined` when it is none. Unknown fields are left out. */
export function readWebrootStatus(value: unknown): WebrootStatus | undefined {
  if (!isObject(value)) return undefined
  const { isWatched, isCut, armed } = value
  const [directory, obstacle, refused] = [
    readSentence(value['directory']),
    readObstacle(value['obstacle']),
    readRefused(value['refused']),
  ]
  if (directory === undefined || typeof isWatched !== 'boolean' || typeof isCut !== 'boolean') return undefined
  if (!isCount(armed) || !refused || (value['obstacle'] !== undefined && !obstacle)) return undefined
  return { directory, ...(obstacle && { obstacle }), isWatched, isCut, armed, refused }
}

function readObstacle(value: unknown): WebrootStatus['obstacle'] {
  if (!isObject(value)) return undefined
  const [reason, path] = [readSentence(value['reason']), readSentence(value['path'])]
  return reason === undefined || path === undefined ? undefined : { reason, path }
}

function readRefused(value: unknown): Record<string, number> | undefined {
  if (!isObject(value)) return undefined
  const entries = Object.entries(value)
  const isRead = (entry: [string, unknown]): entry is [string, number] =>
    entry[0].length <= 64 && isPrintable(entry[0]) && isCount(entry[1])
  return entries.length <= MAX_REASONS && entries.every(isRead) ? Object.fromEntries(entries) : undefined
}
