/** The armed challenges: which token, on which port, until when, and who has asked for it. */
import type { ChallengeStatus, Strays, Visit } from '../control/challenge-status.js'
import type { ArmRequest } from '../control/message.js'
import { Failure } from '../failure.js'
import type { FlowEvent } from '../intercept/interceptor.js'
import { formatEndpoint } from '../wire/address.js'
import type { Clock } from './clock.js'
import type { Wanted } from './rules.js'
import { Visits } from './visits.js'

/** At most so many at once; a certificate has up to 100 names. */
export const MAX_LEASES = 1_000

interface Lease {
  readonly request: ArmRequest
  readonly armedAt: Date
  /** Milliseconds on the clock. */
  readonly expiresAt: number
  readonly visits: Visits
  /** How many strays there had been when it was armed. */
  readonly straysBefore: number
}

/** A token that a self-check asks for. */
interface Check {
  /** The challenge whose hook makes it. */
  readonly challenge: string
  readonly visits: Visits
}

/** Which challenges are armed, for how long, and who has asked for each. */
export class Leases {
  readonly #clock: Clock
  readonly #leases = new Map<string, Lease>()
  readonly #challenges = new Map<string, string>()
  readonly #retired = new Map<string, Lease>()
  #strays: Strays = { count: 0, at: '', client: '', token: '' }
  readonly #checks = new Map<string, Check>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Token to key authorization, as the responder wants it. */
  get challenges(): ReadonlyMap<string, string> {
    return this.#challenges
  }

  get size(): number {
    return this.#leases.size
  }

  /** What the rules are to cover: every port that some challenge wants, and every token, a check's included. */
  get wanted(): Wanted {
    const ports = new Set([...this.#leases.values()].map(({ request }) => request.port))
    return { ports: [...ports].sort((a, b) => a - b), tokens: [...this.#challenges.keys()] }
  }

  /** Milliseconds until the next challenge expires; `Infinity` without any. */
  get untilExpiry(): number {
    return Math.min(Infinity, ...[...this.#leases.values()].map(({ expiresAt }) => expiresAt)) - this.#clock.now()
  }

  /**
   * Arms a challenge. One that is armed already gets the new key authorization and its whole time again.
   * @throws Failure `too-many-challenges`
   */
  arm(request: ArmRequest): void {
    const known = this.#leases.get(request.token)
    if (!known && this.#leases.size >= MAX_LEASES)
      throw new Failure('too-many-challenges', `${MAX_LEASES} challenges are armed already`)
    const expiresAt = this.#clock.now() + request.ttl * 1000
    const { visits = new Visits(), straysBefore = this.#strays.count } = known ?? {}
    this.#leases.set(request.token, { request, armedAt: this.#clock.date(), expiresAt, visits, straysBefore })
    this.#challenges.set(request.token, request.keyAuthorization)
  }

  /**
   * Lets a token be asked for that is no challenge, but is forgotten with one: nobody waits for it, and no port is
   * covered for it.
   */
  armForCheck(token: string, keyAuthorization: string, challenge: string): void {
    this.#checks.set(token, { challenge, visits: new Visits() })
    this.#challenges.set(token, keyAuthorization)
  }

  /** Returns who has asked for such a token so far; `undefined` when it is none. */
  checked(token: string): Visit[] | undefined {
    return this.#checks.get(token)?.visits.list()
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

  /** Disarms a challenge whose visits are noted until `conclude`: its connections may still be ending. */
  retire(token: string): void {
    const lease = this.#leases.get(token)
    this.disarm(token)
    if (lease) this.#retired.set(token, lease)
  }

  /** Returns the last status of a retired challenge and forgets it; `undefined` for any other. */
  conclude(token: string): ChallengeStatus | undefined {
    const lease = this.#retired.get(token)
    this.#retired.delete(token)
    return lease && this.#statusOf(lease)
  }

  /** Forgets all challenges whose time is over, and returns their tokens. */
  expire(): string[] {
    const now = this.#clock.now()
    const expired = [...this.#leases].filter(([, { expiresAt }]) => expiresAt <= now).map(([token]) => token)
    for (const token of expired) this.disarm(token)
    return expired
  }

  /** Forgets all challenges. */
  clear(): void {
    for (const token of [...this.#leases.keys()]) this.disarm(token)
  }

  /** Notes what a validator did. */
  note(event: FlowEvent): void {
    const { kind, key: token, client, clientPort } = event
    const at = this.#clock.date()
    if (kind === 'unknownToken') {
      const [count, endpoint] = [this.#strays.count + 1, formatEndpoint(client, clientPort)]
      this.#strays = { count, at: at.toISOString(), client: endpoint, token }
      return
    }
    const asked = this.#leases.get(token) ?? this.#retired.get(token) ?? this.#checks.get(token)
    asked?.visits.note({ ...event, kind }, at)
  }

  /** Returns the status of every armed challenge. */
  status(): ChallengeStatus[] {
    return [...this.#leases.values()].map((lease) => this.#statusOf(lease))
  }

  #statusOf({ request, armedAt, expiresAt, visits, straysBefore }: Lease): ChallengeStatus {
    const strays = this.#strays.count - straysBefore
    return {
      token: request.token,
      identifier: request.identifier,
      port: request.port,
      armedAt: armedAt.toISOString(),
      expiresIn: Math.max(0, Math.round((expiresAt - this.#clock.now()) / 1000)),
      visits: visits.list(),
      ...(strays > 0 && { strays: { ...this.#strays, count: strays } }),
    }
  }
}
