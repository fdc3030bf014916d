/** The armed challenges: their tokens and ports, when they expire, and who has requested them. */
import type { ChallengeStatus, Strays, Visit } from '../control/challenge-status.js'
import type { ArmRequest } from '../control/message.js'
import { CHALLENGE_TYPES, isOfType, typeOf, type ChallengeOf, type ChallengeType } from '../challenge/challenge.js'
import { keyOf, typeOfKey } from '../challenge/key.js'
import { Failure } from '../failure.js'
import type { FlowEvent } from '../intercept/interceptor.js'
import { formatEndpoint } from '../wire/address.js'
import type { Clock } from './clock.js'
import type { Wanted } from './rules.js'
import type { Standing } from './standing.js'
import { Visits } from './visits.js'

/** The most challenges that are armed at a time. A certificate has up to 100 names. */
export const MAX_LEASES = 1_000

interface Lease {
  readonly request: ArmRequest
  readonly armedAt: Date
  /** In milliseconds, on the clock's scale. */
  readonly expiresAt: number
  readonly visits: Visits
  /** The number of strays of its type when the challenge was armed. */
  readonly straysBefore: number
}

/** The token of a self-check. */
interface Check {
  /** The token of the challenge whose hook makes the self-check. */
  readonly challenge: string
  readonly visits: Visits
  /** With dns-01, what is asked for in place of the token, and its value. */
  readonly record?: CheckedRecord
}

/** A name of dns-01 and its value. */
interface CheckedRecord {
  readonly name: string
  readonly value: string
}

/** What a self-check is answered with: one of these, or neither. */
interface CheckAnswer {
  readonly keyAuthorization?: string
  readonly record?: CheckedRecord
}

/** Holds the armed challenges, and notes the visits for each. Beside them stand the stateless answers. */
export class Leases {
  readonly standing: Standing | undefined
  readonly #clock: Clock
  readonly #leases = new Map<string, Lease>()
  readonly #challenges = new Map<string, string>()
  readonly #retired = new Map<string, Lease>()
  /** What has expired and was not disarmed since, newest last. */
  readonly #expired = new Map<string, Lease>()
  /** The newest tokens that were disarmed. */
  readonly #disarmed = new Set<string>()
  /** The values of each name of dns-01 that is answered; undefined until they are asked for after a change. */
  #values: ReadonlyMap<string, readonly string[]> | undefined
  readonly #strays = new Map<ChallengeType, Strays>()
  readonly #checks = new Map<string, Check>()

  constructor(clock: Clock, standing?: Standing) {
    this.#clock = clock
    this.standing = standing
  }

  /** The key authorization for each token that is answered, self-checks included. */
  get challenges(): ReadonlyMap<string, string> {
    return this.#challenges
  }

  /** Returns the values of a name of dns-01, self-checks included; none if it is not armed. */
  valuesOf(name: string): readonly string[] {
    return this.#valuesByName.get(name) ?? []
  }

  /** The number of armed challenges. */
  get size(): number {
    return this.#leases.size
  }

  /** The tokens of the armed challenges. */
  get armed(): string[] {
    return [...this.#leases.keys()]
  }

  /** The tokens that no cleanup has come for since they expired, and that were not answered before to all who asked. */
  get expired(): string[] {
    return [...this.#expired].flatMap(([token, { visits }]) => (visits.areWell ? [] : [token]))
  }

  /** Returns the armed challenges of one type. */
  of<Type extends ChallengeType>(type: Type): ChallengeOf<Type>[] {
    return [...this.#leases.values()].flatMap(({ request }) => (isOfType(request, type) ? [request] : []))
  }

  /**
   * What the rules have to cover: of each type the ports of its challenges; every token of http-01 and every name of
   * dns-01, self-checks included. While stateless answers stand, also their port, and any other token, on all of these
   * ports.
   */
  get wanted(): Wanted {
    const { isOn = false } = this.standing ?? {}
    return CHALLENGE_TYPES.flatMap((type) => {
      const ports = this.portsOf(type)
      if (ports.length === 0) return []
      return [
        type === 'http-01'
          ? { type, ports, tokens: [...this.#challenges.keys()], ...(isOn && { wantsOthers: true }) }
          : { type, ports, tokens: type === 'dns-01' ? [...this.#valuesByName.keys()] : [] },
      ]
    })
  }

  /** Returns the ports of the challenges of one type, in ascending order, those of stateless answers included. */
  portsOf(type: ChallengeType): number[] {
    const { isOn = false, options } = this.standing ?? {}
    return this.#portsAnd(type, isOn ? options?.port : undefined)
  }

  /** The ports on which http-01 is to be served where nobody else listens. */
  get portsToServe(): number[] {
    const { isOn = false, options } = this.standing ?? {}
    return this.#portsAnd('http-01', isOn && options?.isListening ? options.port : undefined)
  }

  /** Returns the ports of the challenges of a type, and the one of stateless answers, which are http-01's. */
  #portsAnd(type: ChallengeType, standing: number | undefined): number[] {
    const requests = [...this.#leases.values()].map(({ request }) => request)
    const ports = new Set(requests.filter((request) => typeOf(request) === type).map(({ port }) => port))
    if (standing !== undefined && type === 'http-01') ports.add(standing)
    return [...ports].sort((a, b) => a - b)
  }

  /** Returns whether a token or name is armed, that of a self-check included, or was until a moment ago. */
  isKnown(token: string): boolean {
    return this.#askedBy(token).length > 0
  }

  /** Milliseconds until the next challenge expires, negative when it has; `Infinity` if none is armed. */
  get untilExpiry(): number {
    return Math.min(Infinity, ...[...this.#leases.values()].map(({ expiresAt }) => expiresAt)) - this.#clock.now()
  }

  /**
   * Arms a challenge. If its token is armed already, this replaces the key authorization and starts the time to live
   * again; the visits are kept.
   * @throws Failure `too-many-challenges`
   */
  arm(request: ArmRequest): void {
    const known = this.#leases.get(request.token)
    if (!known && this.#leases.size >= MAX_LEASES)
      throw new Failure('too-many-challenges', `${MAX_LEASES} challenges are armed already`)
    const expiresAt = this.#clock.now() + request.ttl * 1000
    const { visits = new Visits(), straysBefore = this.#straysOf(request).count } = known ?? {}
    this.#leases.set(request.token, { request, armedAt: this.#clock.date(), expiresAt, visits, straysBefore })
    if (isOfType(request, 'http-01')) this.#challenges.set(request.token, request.keyAuthorization)
    this.#values = undefined
    this.#expired.delete(request.token)
  }

  /**
   * Arms the token of a self-check. It is forgotten together with `challenge`. It covers no port, does not count as a
   * challenge, and does not keep a responder running. What answers is a key authorization with http-01, a record with
   * dns-01; with tls-alpn-01 it is made elsewhere.
   */
  armForCheck(token: string, challenge: string, answer: CheckAnswer = {}): void {
    const { keyAuthorization, record } = answer
    this.#checks.set(token, { challenge, visits: new Visits(), ...(record && { record }) })
    if (keyAuthorization !== undefined) this.#challenges.set(token, keyAuthorization)
    this.#values = undefined
  }

  /** Returns the visits for the token of a self-check so far; `undefined` for any other token. */
  checked(token: string): Visit[] | undefined {
    return this.#checks.get(token)?.visits.list()
  }

  /** Forgets the token of a self-check. Any other token is ignored. */
  disarmCheck(token: string): void {
    if (!this.#checks.delete(token)) return
    this.#challenges.delete(token)
    this.#values = undefined
  }

  /** Forgets a challenge and the self-checks that belong to it. An unknown token is ignored. */
  disarm(token: string): void {
    this.#leases.delete(token)
    this.#challenges.delete(token)
    this.#values = undefined
    for (const [check, { challenge }] of this.#checks) if (challenge === token) this.disarmCheck(check)
  }

  /**
   * Disarms a challenge, but notes its visits until `conclude`, because its connections may still be ending. One that
   * has expired is disarmed for good.
   */
  retire(token: string): void {
    const lease = this.#leases.get(token) ?? this.#expired.get(token)
    this.disarm(token)
    this.#expired.delete(token)
    if (!lease) return
    this.#retired.set(token, lease)
    keepNewest(this.#disarmed.add(token))
  }

  /** Returns whether a token is, or was until now, that of a challenge. */
  knows(token: string): boolean {
    return this.#leases.has(token) || this.#expired.has(token) || this.#disarmed.has(token)
  }

  /**
   * Returns the final status of a retired challenge, and forgets it; `undefined` for any other token, and for one that
   * nobody asked for here, but that other machines answer just the same.
   */
  conclude(token: string): ChallengeStatus | undefined {
    const lease = this.#retired.get(token)
    this.#retired.delete(token)
    const status = lease && this.#statusOf(lease)
    const isElsewhere =
      lease && isOfType(lease.request, 'http-01') && this.standing?.isAnswer(token, lease.request.keyAuthorization)
    return status?.visits.length === 0 && isElsewhere ? undefined : status
  }

  /** Disarms all challenges whose time is over. Returns their tokens. Their visits are kept until a cleanup comes. */
  expire(): string[] {
    const now = this.#clock.now()
    const expired = [...this.#leases].filter(([, { expiresAt }]) => expiresAt <= now).map(([token]) => token)
    for (const token of expired) {
      const lease = this.#leases.get(token)
      if (lease) this.#expired.set(token, lease)
      this.disarm(token)
    }
    keepNewest(this.#expired)
    return expired
  }

  /** Disarms all challenges, and ends the stateless answers. */
  clear(): void {
    this.standing?.end()
    for (const token of [...this.#leases.keys()]) this.disarm(token)
  }

  /**
   * Notes an event of a connection or datagram with every challenge or self-check that is asked for by its key, or as a
   * stray.
   */
  note(event: FlowEvent): void {
    const { kind, key, client, clientPort } = event
    const at = this.#clock.date()
    if (kind === 'unknownToken') {
      const type = typeOfKey(key)
      const count = (this.#strays.get(type)?.count ?? 0) + 1
      this.#strays.set(type, { count, at: at.toISOString(), client: formatEndpoint(client, clientPort), token: key })
      return
    }
    const asked = this.#askedBy(key)
    for (const { visits } of asked) visits.note({ ...event, kind }, at)
    if (asked.length === 0) this.standing?.note({ ...event, kind })
  }

  /** Returns the status of every armed challenge. */
  status(): ChallengeStatus[] {
    return [...this.#leases.values()].map((lease) => this.#statusOf(lease))
  }

  #statusOf({ request, armedAt, expiresAt, visits, straysBefore }: Lease): ChallengeStatus {
    const newest = this.#straysOf(request)
    const strays = newest.count - straysBefore
    return {
      ...(request.type && { type: request.type }),
      token: request.token,
      identifier: request.identifier,
      port: request.port,
      armedAt: armedAt.toISOString(),
      expiresIn: Math.max(0, Math.round((expiresAt - this.#clock.now()) / 1000)),
      visits: visits.list(),
      ...(strays > 0 && { strays: { ...newest, count: strays } }),
    }
  }

  /**
   * Returns what a key asks for: one challenge or self-check by its token; every challenge of a name with dns-01, since
   * a wildcard and its base name have the same. What is armed counts before what has ended.
   */
  #askedBy(key: string): readonly Pick<Lease, 'visits'>[] {
    const one = this.#leases.get(key) ?? this.#retired.get(key) ?? this.#checks.get(key) ?? this.#expired.get(key)
    if (one) return [one]
    if (typeOfKey(key) !== 'dns-01') return []
    const checks = [...this.#checks.values()].filter(({ record }) => record?.name === key)
    if (checks.length > 0) return checks
    const held = [this.#leases, this.#retired, this.#expired].map((leases) =>
      [...leases.values()].filter(({ request }) => keyOf(request) === key),
    )
    const [armed = [], retired = [], expired = []] = held
    return armed.length + retired.length > 0 ? [...armed, ...retired] : expired
  }

  #straysOf(request: ArmRequest): Strays {
    return this.#strays.get(typeOf(request)) ?? { count: 0, at: '', client: '', token: '' }
  }

  get #valuesByName(): ReadonlyMap<string, readonly string[]> {
    if (this.#values) return this.#values
    const values = new Map<string, string[]>()
    const add = (name: string, value: string) => values.set(name, [...(values.get(name) ?? []), value])
    for (const challenge of this.of('dns-01')) add(keyOf(challenge), challenge.digest)
    for (const { record } of this.#checks.values()) if (record) add(record.name, record.value)
    return (this.#values = values)
  }
}

/** Removes the oldest members until there are no more than may be armed. */
function keepNewest(members: Map<string, unknown> | Set<string>): void {
  for (const oldest of members.keys()) {
    if (members.size <= MAX_LEASES) return
    members.delete(oldest)
  }
}
