/** A challenge in the store, or its withdrawal. */
import { createHash } from 'node:crypto'
import {
  isChallengeType,
  readChallenge,
  withType,
  type ChallengeType,
  type TypedChallenge,
} from '../challenge/challenge.js'
import { isCount, isObject, isPort, isWord } from '../control/fields.js'
import { MAX_TTL } from '../control/message.js'
import { open, seal, type SealFault } from './seal.js'

/** What every entry says. Times are milliseconds since 1970, by the clock of the node that wrote it. */
interface Head {
  readonly issuedAt: number
  readonly expiresAt: number
  /** The name of the node that wrote it. */
  readonly origin: string
}

/** A challenge that every node is to arm. Nodes that do not know its type leave it alone. */
export type ArmedEntry = Head &
  TypedChallenge & {
    readonly state: 'armed'
    /** The port that the validator's requests come to, on every node. */
    readonly port: number
  }

/** Takes a challenge back. It is an entry of its own, so that an empty store takes nothing back. */
export interface WithdrawnEntry extends Head {
  readonly type: ChallengeType
  readonly token: string
  readonly state: 'withdrawn'
}

/** A challenge, or its withdrawal. */
export type Entry = ArmedEntry | WithdrawnEntry

/** Why an entry is refused. `other type`: it is of a type that this version does not know. */
export type EntryFault = SealFault | 'expired' | 'from the future' | 'other type'

/** Milliseconds that a writer's clock may be ahead of ours. */
export const CLOCK_TOLERANCE = 300_000

/** Returns the name that an entry is stored under: 16 characters of base64url, from its type and token. */
export function entryId({ type, token }: Pick<Entry, 'type' | 'token'>): string {
  return createHash('sha256').update(`${type}\n${token}`).digest('base64url').slice(0, 16)
}

/** Returns the text of an entry in the store. */
export function sealEntry(entry: Entry, secret: Uint8Array): string {
  return seal('entry', entryId(entry), entry, secret)
}

/**
 * Reads what is stored under a name. `now` is our own time of day: the store's clock is not believed. An entry whose
 * time is over by our clock is refused, so that nobody can bring an old one back.
 */
export function openEntry(id: string, sealed: string, secret: Uint8Array, now: number): Entry | EntryFault {
  const opened = open('entry', id, sealed, secret)
  if (typeof opened === 'string') return opened
  if (isObject(opened.value) && !isChallengeType(opened.value['type'])) return 'other type'
  const entry = readEntry(opened.value)
  if (!entry || entryId(entry) !== id) return 'malformed'
  if (entry.expiresAt <= now) return 'expired'
  const isAhead = entry.issuedAt > now + CLOCK_TOLERANCE
  return isAhead || entry.expiresAt > now + MAX_TTL * 1000 + CLOCK_TOLERANCE ? 'from the future' : entry
}

function readEntry(value: unknown): Entry | undefined {
  if (!isObject(value)) return undefined
  const { state, type, token, issuedAt, expiresAt, origin, port } = value
  if (!isCount(issuedAt) || !isCount(expiresAt) || !isWord(origin) || !isWord(token)) return undefined
  if (!isChallengeType(type)) return undefined
  const head = { issuedAt, expiresAt, origin }
  if (state === 'withdrawn') return { state, type, token, ...head }
  const challenge = readChallenge(value)
  if (state !== 'armed' || typeof challenge === 'string' || !isPort(port)) return undefined
  return { state, ...head, ...withType(challenge), port }
}
