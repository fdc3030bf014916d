/**
 * What a responder reports of one challenge, in its status and in answer to the challenge's `disarm`. Times are ISO
 * 8601, UTC.
 */
import { isChallengeType, type ChallengeType } from '../challenge/challenge.js'
import { isCount, isObject, isPort, isWord, readList } from './fields.js'
import { wordsOf } from '../wire/printable.js'

/** A validator's visit: who asked, and how it went. */
export interface Visit {
  readonly at: string
  /** `192.0.2.1:54321` or `[2001:db8::1]:54321`. */
  readonly client: string
  /** `abandoned`: it ended without a complete request, or the answer was not acknowledged. */
  readonly state: VisitState
  /**
   * What was sent: `status` is the protocol's own, `bytes` counts the body alone. Absent while nothing has been sent.
   */
  readonly answer?: { readonly status: number; readonly bytes: number }
  /** Absent with TCP. By UDP nobody acknowledges an answer, so `answered` is the last state. */
  readonly transport?: 'udp'
  /** The node of the fleet that was asked; absent for this machine. */
  readonly node?: string
}

/** How far a visit has come. */
export type VisitState = (typeof VISIT_STATES)[number]

const VISIT_STATES = ['takenOver', 'answered', 'acknowledged', 'abandoned'] as const

/**
 * Requests for tokens that were not armed, while this challenge was: their number, and the newest one. They went to the
 * web server. With dns-01 they are queries for names that were not armed.
 */
export interface Strays {
  readonly count: number
  readonly at: string
  /** As in a visit. */
  readonly client: string
  readonly token: string
}

/** An armed challenge and its visits. */
export interface ChallengeStatus {
  /** Absent with http-01. */
  readonly type?: ChallengeType
  readonly token: string
  readonly identifier: string
  readonly port: number
  readonly armedAt: string
  /** Seconds until the challenge is forgotten. */
  readonly expiresIn: number
  /** The newest ones, oldest first. */
  readonly visits: readonly Visit[]
  /** Absent where there were none. */
  readonly strays?: Strays
  /** The responder was told to leave a port alone that nobody listens on. */
  readonly noStandalone?: boolean
}

/** Most visits of one token that are read. */
const MAX_VISITS = 1_000

/**
 * Reads what a responder of any version may have sent. Returns `undefined` when it is missing or cannot be understood.
 * Unknown fields are left out.
 */
export function readChallengeStatus(value: unknown): ChallengeStatus | undefined {
  if (!isObject(value)) return undefined
  const { type, token, identifier, port, armedAt, expiresIn } = value
  const visits = readVisits(value['visits'])
  const strays = readStrays(value['strays'])
  if (!isWord(token) || !isWord(identifier) || !isPort(port) || !isWord(armedAt) || !isCount(expiresIn) || !visits)
    return undefined
  if (value['strays'] !== undefined && !strays) return undefined
  const noStandalone = value['noStandalone'] === true
  return {
    ...(isChallengeType(type) && { type }),
    token,
    identifier,
    port,
    armedAt,
    expiresIn,
    visits,
    ...(strays && { strays }),
    ...(noStandalone && { noStandalone }),
  }
}

/** Reads visits alone, in the same way. */
export function readVisits(value: unknown): Visit[] | undefined {
  return readList(value, MAX_VISITS, readVisit)
}

function readVisit(value: unknown): Visit | undefined {
  if (!isObject(value)) return undefined
  const { at, client, answer, node } = value
  // Responders before 0.2.0 say it in words.
  const state = VISIT_STATES.find((known) => known === value['state'] || wordsOf(known) === value['state'])
  if (!isWord(at) || !isWord(client) || !state) return undefined
  if (node !== undefined && !isWord(node)) return undefined
  const isByUdp = value['transport'] === 'udp'
  const visit = {
    at,
    client,
    state,
    ...(node !== undefined && { node }),
    ...(isByUdp && { transport: 'udp' as const }),
  }
  if (answer === undefined) return visit
  if (!isObject(answer)) return undefined
  const { status, bytes } = answer
  return isCount(status) && isCount(bytes) ? { ...visit, answer: { status, bytes } } : undefined
}

function readStrays(value: unknown): Strays | undefined {
  if (!isObject(value)) return undefined
  const { count, at, client, token } = value
  return isCount(count) && isWord(at) && isWord(client) && isWord(token) ? { count, at, client, token } : undefined
}
