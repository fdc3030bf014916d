/** What a responder tells of one challenge: in its status, and in answer to the challenge's `disarm`. Times are ISO 8601, UTC. */

/** A validator's visit: who asked, and how it went. */
export interface Visit {
  readonly at: string
  /** `192.0.2.1:54321` or `[2001:db8::1]:54321`. */
  readonly client: string
  /** `abandoned`: it ended without a whole request, or without an acknowledgment of the answer. */
  readonly state: VisitState
  /** What was sent, `bytes` long without its head; absent while nothing has been sent. */
  readonly answer?: { readonly status: number; readonly bytes: number }
}

export type VisitState = (typeof VISIT_STATES)[number]

const VISIT_STATES = ['taken over', 'answered', 'acknowledged', 'abandoned'] as const

/** Requests for tokens that are not armed, while this challenge was: how many, and the newest one. They went to the web server. */
export interface Strays {
  readonly count: number
  readonly at: string
  /** As in a visit. */
  readonly client: string
  readonly token: string
}

export interface ChallengeStatus {
  readonly token: string
  readonly identifier: string
  readonly port: number
  readonly armedAt: string
  /** Seconds. */
  readonly expiresIn: number
  /** The newest ones, oldest first. */
  readonly visits: readonly Visit[]
  /** Absent where there were none. */
  readonly strays?: Strays
}

/**
 * The challenge in a `disarm`'s response, which a responder of any version may have sent: `undefined` when it is not there, or not to be
 * understood. Nothing in it can harm a terminal.
 */
export function readChallengeStatus(value: unknown): ChallengeStatus | undefined {
  if (!isObject(value)) return undefined
  const { token, identifier, port, armedAt, visits, strays } = value
  const isWhole = [token, identifier, armedAt].every(isText) && isCount(port) && isCount(value['expiresIn']) && Array.isArray(visits)
  return isWhole && visits.every(isVisit) && (strays === undefined || isStrays(strays)) ? (value as unknown as ChallengeStatus) : undefined
}

function isVisit(value: unknown): boolean {
  if (!isObject(value)) return false
  const { at, client, state, answer } = value
  const isAnswer = answer === undefined || (isObject(answer) && isCount(answer['status']) && isCount(answer['bytes']))
  return isText(at) && isText(client) && VISIT_STATES.some((known) => known === state) && isAnswer
}

function isStrays(value: unknown): boolean {
  return isObject(value) && isCount(value['count']) && [value['at'], value['client'], value['token']].every(isText)
}

/**
 * Times, tokens, names, addresses: nothing that a terminal would obey. Ranges rather than Unicode's properties, which take a millisecond to
 * compile: every cleanup pays for it.
 */
function isText(value: unknown): boolean {
  return typeof value === 'string' && /^[!-~\u00a1-\u1fff\u2c00-\ufefe]{1,255}$/.test(value)
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
