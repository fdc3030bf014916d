/** The armed challenges: which token, on which port, until when, and who has asked for it. */
import type { ChallengeStatus, Strays, Visit } from '../control/challenge-status.js'
import type { ArmRequest } from '../control/message.js'
import { Failure } from '../failure.js'
import type { FlowEvent } from '../intercept/interceptor.js'
import { formatEndpoint } from '../wire/address.js'

/** At most so many at once; a certificate has up to 100 names. */
export const MAX_LEASES = 1_000

/** The newest visits of a challenge that are kept. */
const MAX_VISITS = 50

interface Lease {
  readonly request: ArmRequest
  readonly armedAt: Date
  /** Milliseconds, on the clock that `now` is of. */
  readonly expiresAt: number
  readonly visits: NotedVisit[]
  /** How many strays there had been when it was armed. */
  readonly straysBefore: number
}

/** A token that a self-check asks for. */
interface Check {
  /** The challenge whose hook makes it. */
  readonly challenge: string
  readonly visits: NotedVisit[]
}

interface NotedVisit {
  readonly at: Date
  readonly client: string
  state: Visit['state']
  answer?: { readonly status: number; readonly bytes: number }
}

export class Leases {
  readonly #leases = new Map<string, Lease>()
  readonly #challenges = new Map<string, string>()
  /** Retired, and not yet taken leave of. */
  readonly #leaving = new Map<string, Lease>()
  #strays: Strays = { count: 0, at: '', client: '', token: '' }
  readonly #checks = new Map<string, Check>()

  /** Token to key authorization, as the responder wants it. */
  get challenges(): ReadonlyMap<string, string> {
    return this.#challenges
  }

  get size(): number {
    return this.#leases.size
  }

  /** Every port that some challenge wants, in ascending order. */
  get ports(): number[] {
    return [...new Set([...this.#leases.values()].map(({ request }) => request.port))].sort((a, b) => a - b)
  }

  /** When the next challenge expires; `Infinity` without any. */
  get nextExpiry(): number {
    return Math.min(Infinity, ...[...this.#leases.values()].map(({ expiresAt }) => expiresAt))
  }

  /**
   * Arms a challenge; one that is armed already gets the new key authorization and a new lease of life. @throws Failure
   * `too-many-challenges`
   */
  arm(request: ArmRequest, now: number): void {
    const known = this.#leases.get(request.token)
    if (!known && this.#leases.size >= MAX_LEASES)
      throw new Failure('too-many-challenges', `${MAX_LEASES} challenges are armed already`)
    const expiresAt = now + request.ttl * 1000
    const { visits = [], straysBefore = this.#strays.count } = known ?? {}
    this.#leases.set(request.token, { request, armedAt: new Date(), expiresAt, visits, straysBefore })
    this.#challenges.set(request.token, request.keyAuthorization)
  }

  /**
   * Lets a token be asked for that is no challenge, but is forgotten with one: nobody waits for it, and no port is
   * covered for it.
   */
  armForCheck(token: string, keyAuthorization: string, challenge: string): void {
    this.#checks.set(token, { challenge, visits: [] })
    this.#challenges.set(token, keyAuthorization)
  }

  /** Who has asked for such a token so far; `undefined` when it is none. */
  checked(token: string): Visit[] | undefined {
    return this.#checks.get(token)?.visits.map(visitOf)
  }

  /** Forgets such a token. */
  disarmCheck(token: string): void {
    if (this.#checks.delete(token)) this.#challenges.delete(token)
  }

  /** Forgets a challenge; an unknown one is no error. */
  disarm(token: string): void {
    this.#leases.delete(token)
    this.#challenges.delete(token)
    for (const [check, { challenge }] of this.#checks) if (challenge === token) this.disarmCheck(check)
  }

  /** The same, but until `takeLeave` its visits are noted on: connections may still be ending. */
  retire(token: string): void {
    const lease = this.#leases.get(token)
    this.disarm(token)
    if (lease) this.#leaving.set(token, lease)
  }

  /** The last of a challenge that was retired; `undefined` when it was not armed, and the second time. */
  takeLeave(token: string, now: number): ChallengeStatus | undefined {
    const lease = this.#leaving.get(token)
    this.#leaving.delete(token)
    return lease && this.#statusOf(lease, now)
  }

  /** Forgets all whose time has come, and gives their tokens. */
  expire(now: number): string[] {
    const expired = [...this.#leases].filter(([, { expiresAt }]) => expiresAt <= now).map(([token]) => token)
    for (const token of expired) this.disarm(token)
    return expired
  }

  /** Forgets all. */
  clear(): void {
    for (const token of [...this.#leases.keys()]) this.disarm(token)
  }

  /** Notes what a validator did. */
  note({ kind, key: token, client, clientPort, answer }: FlowEvent): void {
    const endpoint = formatEndpoint(client, clientPort)
    if (kind === 'unknown token') {
      this.#strays = { count: this.#strays.count + 1, at: new Date().toISOString(), client: endpoint, token }
      return
    }
    const asked = this.#leases.get(token) ?? this.#leaving.get(token) ?? this.#checks.get(token)
    if (!asked) return
    const { visits } = asked
    let visit = visits.findLast((visit) => visit.client === endpoint)
    if (!visit || kind === 'taken over') visits.push((visit = { at: new Date(), client: endpoint, state: kind }))
    visit.state = kind
    if (answer) visit.answer = answer
    if (visits.length > MAX_VISITS) visits.shift()
  }

  status(now: number): ChallengeStatus[] {
    return [...this.#leases.values()].map((lease) => this.#statusOf(lease, now))
  }

  #statusOf({ request, armedAt, expiresAt, visits, straysBefore }: Lease, now: number): ChallengeStatus {
    const strays = this.#strays.count - straysBefore
    return {
      token: request.token,
      identifier: request.identifier,
      port: request.port,
      armedAt: armedAt.toISOString(),
      expiresIn: Math.max(0, Math.round((expiresAt - now) / 1000)),
      visits: visits.map(visitOf),
      ...(strays > 0 && { strays: { ...this.#strays, count: strays } }),
    }
  }
}

function visitOf({ at, ...rest }: NotedVisit): Visit {
  return { at: at.toISOString(), ...rest }
}
