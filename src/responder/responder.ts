/**
 * Answers the requests of hooks and commands, lets challenges expire, and ends the responder with the last one. (A
 * validator is answered elsewhere: challenge/http-01/service.ts.)
 */
import { isOfType, typeOf } from '../challenge/challenge.js'
import { refusal, type ArmRequest, type ControlRequest, type ControlResponse } from '../control/message.js'
import type { ResponderStatus } from '../control/responder-status.js'
import { toFailure } from '../failure.js'
import type { Clock } from './clock.js'
import type { Leases } from './leases.js'
import type { Log } from './log.js'
import { DRAIN_TIME, type Release } from './release.js'
import type { PacketPath } from './packet-path.js'
import type { Rules } from './rules.js'
import { armForSelfCheck, reportSelfCheck } from './self-checks.js'
import type { Standalone } from './servers/standalone.js'
import type { Fleet } from './fleet.js'
import type { TlsAnswers } from './tls/tls-answers.js'
import type { Webroots } from './webroots.js'

/** The parts that a responder works with. */
export interface ResponderParts {
  readonly leases: Leases
  readonly path: Pick<PacketPath, 'drained' | 'lengthen'>
  readonly rules: Rules
  /** Serves http-01's ports. */
  readonly standalone: Standalone
  /** Serves dns-01's ports. */
  readonly nameServers: Standalone
  /** Serves tls-alpn-01's ports. */
  readonly tlsServers: Standalone
  readonly tlsAnswers: Pick<TlsAnswers, 'prepare' | 'prepareForCheck'>
  readonly webroots: Pick<Webroots, 'note'>
  readonly fleet: Pick<Fleet, 'note'>
  readonly status: () => ResponderStatus
  readonly release: Release
  /** Writes down what is armed and what has expired, for whoever clears up after a responder that dies. */
  readonly record: () => void
  readonly clock: Clock
}

/** Milliseconds that a responder of hooks waits for its first challenge. */
const IDLE_TIME = 10_000

/** What an `arm` is answered while this responder ends. The hook then tries again, with the next responder. */
const stoppingResponse: ControlResponse = { ok: false, code: 'stopping', message: 'the responder is about to end' }

/** A running responder. It ends when it has released everything. */
export class Responder {
  /** Resolves when everything is released: to true if no rules are left, to false if the keeper has to sweep. */
  readonly ended: Promise<boolean>
  readonly #parts: ResponderParts
  readonly #linger: number
  readonly #log: Log
  /** When it ends unless something is armed by then, on the clock's scale. */
  #endsAt: number
  #cancelExpiry: () => void = () => undefined
  #stopping: Promise<void> | undefined
  #isFaulty = false
  #end: (isClean: boolean) => void = () => undefined

  /**
   * @param linger milliseconds that it stays after its last challenge; Infinity stands for one that stays until it is
   * stopped
   */
  constructor(parts: ResponderParts, linger: number, log: Log) {
    this.#parts = parts
    this.#linger = linger
    this.#endsAt = linger === Infinity ? Infinity : parts.clock.now() + IDLE_TIME
    this.#log = log
    this.ended = new Promise((resolve) => (this.#end = resolve))
    this.#schedule()
  }

  /** Milliseconds until it ends by itself; undefined while something is armed, or when it stays until it is stopped. */
  get endsIn(): number | undefined {
    const { leases, clock } = this.#parts
    return leases.size === 0 && this.#endsAt < Infinity ? Math.max(0, this.#endsAt - clock.now()) : undefined
  }

  /** Whether challenges have expired that no cleanup has come for. It ends with its last challenge. */
  get hasLosses(): boolean {
    return this.#linger < Infinity && this.#parts.leases.expired.length > 0
  }

  /**
   * Begins with the stateless answers, where there are any.
   * @throws Failure when their rules cannot be installed
   */
  async begin(): Promise<void> {
    if (this.#stopping) return
    const { standing } = this.#parts.leases
    standing?.begin()
    await this.#cover()
    standing?.announce()
  }

  /** Carries out a request. Returns the response to it. @throws Failure when rules cannot be removed */
  async answer(request: ControlRequest): Promise<ControlResponse> {
    if (request.op === 'status') return { ok: true, status: this.#parts.status() }
    if (this.#stopping && request.op === 'arm') return stoppingResponse
    if (request.op === 'arm') return this.#arm(request)
    if (request.op === 'disarm') return this.#disarm(request.token)
    if (request.op === 'webroots') {
      this.#parts.webroots.note(request.webroots)
      return { ok: true }
    }
    if (request.op === 'store') {
      this.#parts.fleet.note(request.store)
      return { ok: true }
    }
    await this.stop()
    return { ok: true, stopped: true }
  }

  /**
   * Disarms all challenges and releases everything; then `ended` resolves. After a fault, what was armed stays written
   * down.
   * @throws Failure when rules may be left
   */
  stop(isFaulty = false): Promise<void> {
    this.#isFaulty ||= isFaulty
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #arm(request: ArmRequest): Promise<ControlResponse> {
    const { leases, rules, clock, path, tlsAnswers } = this.#parts
    const { token, identifier, port } = request
    const type = typeOf(request)
    const isChecked = request.selfCheck === true
    const isNewPort = !leases.portsOf(type).includes(port)
    leases.arm(request)
    // A new port needs a self-check. Its token is armed now, so that the rules change only once.
    let check = isChecked && isNewPort ? armForSelfCheck(leases, request) : undefined
    try {
      if (isOfType(request, 'tls-alpn-01')) {
        // Before the rules want more than the queue has room for.
        path.lengthen()
        await tlsAnswers.prepare(request)
        if (check) await tlsAnswers.prepareForCheck(check.token)
      }
      await this.#cover()
      // If a stop came in the meantime, it has forgotten this challenge.
      if (this.#stopping) return stoppingResponse
      const about = { event: 'armed', token, identifier, port }
      this.#log('info', `${token} armed for ${identifier} on port ${port}`, about)
      const ports = isChecked ? rules.takeUnchecked(leases.portsOf(type)) : []
      if (ports.length === 0) {
        if (check) leases.disarmCheck(check.token)
        return { ok: true }
      }
      if (!check) {
        check = armForSelfCheck(leases, request)
        if (type === 'tls-alpn-01') await tlsAnswers.prepareForCheck(check.token)
        // The kernel queues armed tokens only, so the rules need this one too.
        await this.#cover()
      }
      const families = rules.families.map(({ version }) => version)
      return { ok: true, check: { ...check, ports, families } }
    } catch (thrown) {
      leases.disarm(token)
      await this.#cover().catch((again: unknown) => this.#log('error', toFailure(again).message))
      if (leases.size === 0 && this.#linger < Infinity) this.#endsAt = clock.now()
      // The refusal is sent first, and the end of this responder comes after it.
      if (leases.size === 0) setImmediate(() => void this.#settle())
      return refusal(thrown)
    } finally {
      this.#record()
      this.#schedule()
    }
  }

  async #disarm(token: string): Promise<ControlResponse> {
    const { leases, clock, standalone } = this.#parts
    const seen = await reportSelfCheck(leases, token, clock)
    if (seen) {
      await this.#cover().catch((thrown: unknown) => this.#log('error', toFailure(thrown).message))
      return { ok: true, seen }
    }
    const [wasArmed, isUnknown] = [leases.size > 0, !leases.knows(token)]
    leases.retire(token)
    this.#record()
    if (wasArmed) this.#lingerWithout()
    this.#log('info', `${token} disarmed`, { event: 'disarmed', token })
    try {
      const stopped = await this.#dropUnneeded()
      // Read last, because a client may have acknowledged the answer while the connections ended.
      const challenge = leases.conclude(token)
      return {
        ok: true,
        ...(stopped && { stopped }),
        ...(challenge && { challenge: { ...challenge, ...(standalone.isOff && { noStandalone: true }) } }),
        ...(isUnknown && { unknown: true }),
      }
    } finally {
      leases.conclude(token)
    }
  }

  /** Begins to linger if nothing is armed any more. */
  #lingerWithout(): void {
    const { leases, clock } = this.#parts
    if (leases.size === 0) this.#endsAt = clock.now() + this.#linger
  }

  /** Frees the ports that no challenge needs any more. Returns whether that has ended this responder. */
  async #dropUnneeded(): Promise<boolean> {
    const { leases, path, clock } = this.#parts
    if (leases.size === 0 && clock.now() >= this.#endsAt) {
      await this.stop()
      return true
    }
    // Another program may be waiting to listen on a port that we serve. Connections that were taken over do not use it.
    await this.#serve()
    if (leases.wanted.length === 0) await path.drained(DRAIN_TIME)
    await this.#cover()
    this.#schedule()
    return false
  }

  /** Does the same when no request waits for it. Logs a failure instead of throwing it. */
  async #settle(): Promise<void> {
    try {
      await this.#dropUnneeded()
    } catch (thrown) {
      this.#log('error', toFailure(thrown).message)
    }
  }

  /** Makes rules and our own servers cover what is armed. @throws Failure when the rules cannot be changed */
  async #cover(): Promise<void> {
    const { leases, rules } = this.#parts
    await Promise.all([this.#serve(), rules.cover(() => leases.wanted)])
  }

  /** Makes our own servers cover what is armed. */
  async #serve(): Promise<void> {
    const { leases, standalone, nameServers, tlsServers } = this.#parts
    await Promise.all([
      standalone.cover(() => leases.portsToServe),
      nameServers.cover(() => leases.portsOf('dns-01')),
      tlsServers.cover(() => leases.portsOf('tls-alpn-01')),
    ])
  }

  /** Sets the timer for the next expiry or, while nothing is armed, for the end of this responder. */
  #schedule(): void {
    const { leases, clock } = this.#parts
    this.#cancelExpiry()
    if (this.#stopping) return
    const delay = leases.size === 0 ? this.#endsAt - clock.now() : leases.untilExpiry
    if (delay < Infinity) this.#cancelExpiry = clock.after(Math.max(delay, 0), () => void this.#expire())
  }

  async #expire(): Promise<void> {
    const expired = this.#parts.leases.expire()
    for (const token of expired) this.#log('warning', `${token} expired: no cleanup came`, { event: 'expired', token })
    if (expired.length > 0) this.#lingerWithout()
    this.#record()
    await this.#settle()
  }

  async #stop(): Promise<void> {
    const { leases, release, rules } = this.#parts
    this.#cancelExpiry()
    leases.clear()
    this.#record()
    try {
      await release()
    } finally {
      // The response to a `stop` is sent first.
      setImmediate(() => this.#end(rules.isClear))
    }
  }

  #record(): void {
    if (!this.#isFaulty) this.#parts.record()
  }
}
