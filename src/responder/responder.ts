/** Arms and disarms challenges as it is asked to, lets them expire, and ends with the last one. */
import { refusal, type ArmRequest, type ControlRequest, type ControlResponse } from '../control/message.js'
import type { ResponderStatus } from '../control/responder-status.js'
import { toFailure } from '../failure.js'
import type { Clock } from './clock.js'
import type { Leases } from './leases.js'
import type { Log } from './log.js'
import { DRAIN_TIME, type Release } from './release.js'
import type { PacketPath } from './packet-path.js'
import type { Rules } from './rules.js'
import { orderSelfCheck, reportSelfCheck } from './self-checks.js'
import type { Standalone } from './standalone.js'

/** The parts that a responder works with. */
export interface ResponderParts {
  readonly leases: Leases
  readonly path: Pick<PacketPath, 'drained'>
  readonly rules: Rules
  readonly standalone: Standalone
  readonly status: () => ResponderStatus
  readonly release: Release
  readonly clock: Clock
}

/** Milliseconds a transient responder waits for a challenge. */
const IDLE_TIME = 10_000

/** The hook tries again, with the next responder. */
const stoppingResponse: ControlResponse = { ok: false, code: 'stopping', message: 'the responder is about to end' }

/** A responder that runs, until it has released everything. */
export class Responder {
  /** Resolves once all is released, to whether the rules are gone. If not, whoever keeps it has to sweep. */
  readonly ended: Promise<boolean>
  readonly #parts: ResponderParts
  readonly #isTransient: boolean
  readonly #log: Log
  #cancelExpiry: () => void = () => undefined
  #stopping: Promise<void> | undefined
  #end: (isClean: boolean) => void = () => undefined

  /** `isTransient`: it ends with its last challenge. */
  constructor(parts: ResponderParts, isTransient: boolean, log: Log) {
    this.#parts = parts
    this.#isTransient = isTransient
    this.#log = log
    this.ended = new Promise((resolve) => (this.#end = resolve))
    this.#schedule()
  }

  /** Does what a request asks for; the response is for whoever asked. @throws Failure */
  async answer(request: ControlRequest): Promise<ControlResponse> {
    if (request.op === 'status') return { ok: true, status: this.#parts.status() }
    if (this.#stopping && request.op === 'arm') return stoppingResponse
    if (request.op === 'arm') return this.#arm(request)
    if (request.op === 'disarm') return this.#disarm(request.token)
    await this.stop()
    return { ok: true, stopped: true }
  }

  /** Forgets all challenges and releases everything. `ended` follows. @throws Failure when rules may be left */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #arm(request: ArmRequest): Promise<ControlResponse> {
    const { leases, rules } = this.#parts
    const { token, identifier, port } = request
    leases.arm(request)
    try {
      await this.#cover()
      // A stop that came meanwhile has forgotten it again.
      if (this.#stopping) return stoppingResponse
      const about = { event: 'armed', token, identifier, port }
      this.#log('info', `${token} armed for ${identifier} on port ${port}`, about)
      const ports = request.selfCheck ? rules.takeUnchecked() : []
      if (ports.length === 0) return { ok: true }
      const families = rules.families.map(({ version }) => version)
      const check = orderSelfCheck(leases, token, ports, families)
      // Its token has to be known to the kernel too.
      await this.#cover()
      return { ok: true, check }
    } catch (thrown) {
      leases.disarm(token)
      await this.#cover().catch((again: unknown) => this.#log('error', toFailure(again).message))
      // Whoever asked gets the refusal first.
      if (leases.size === 0) setImmediate(() => void this.#settle())
      return refusal(thrown)
    } finally {
      this.#schedule()
    }
  }

  async #disarm(token: string): Promise<ControlResponse> {
    const { leases, clock } = this.#parts
    const seen = await reportSelfCheck(leases, token, clock)
    if (seen) {
      await this.#cover().catch((thrown: unknown) => this.#log('error', toFailure(thrown).message))
      return { ok: true, seen }
    }
    leases.retire(token)
    this.#log('info', `${token} disarmed`, { event: 'disarmed', token })
    try {
      const stopped = await this.#dropUnneeded()
      // Only now: while its connections ended, one more may have acknowledged the answer.
      const challenge = leases.conclude(token)
      return { ok: true, ...(stopped && { stopped }), ...(challenge && { challenge }) }
    } finally {
      leases.conclude(token)
    }
  }

  /** Frees the ports that no challenge needs any more. Returns true after the last challenge of a transient one. */
  async #dropUnneeded(): Promise<boolean> {
    const { leases, path, standalone } = this.#parts
    if (leases.size === 0 && this.#isTransient) {
      await this.stop()
      return true
    }
    // Another program may be waiting for a port that is served here. Connections that were taken over do not need it.
    await standalone.cover(() => leases.wanted.ports)
    if (leases.size === 0) await path.drained(DRAIN_TIME)
    await this.#cover()
    this.#schedule()
    return false
  }

  /** The same, where nobody waits for it. */
  async #settle(): Promise<void> {
    try {
      await this.#dropUnneeded()
    } catch (thrown) {
      this.#log('error', toFailure(thrown).message)
    }
  }

  /** Rules for the ports in use, and servers where nobody listens. */
  async #cover(): Promise<void> {
    const { leases, rules, standalone } = this.#parts
    await Promise.all([standalone.cover(() => leases.wanted.ports), rules.cover(() => leases.wanted)])
  }

  /** Wakes up at the next expiry, or when a transient responder has nothing to do. */
  #schedule(): void {
    const { leases, clock } = this.#parts
    this.#cancelExpiry()
    if (this.#stopping) return
    const delay = leases.size === 0 && this.#isTransient ? IDLE_TIME : leases.untilExpiry
    if (delay < Infinity) this.#cancelExpiry = clock.after(Math.max(delay, 0), () => void this.#expire())
  }

  async #expire(): Promise<void> {
    for (const token of this.#parts.leases.expire())
      this.#log('warning', `${token} expired: no cleanup came`, { event: 'expired', token })
    await this.#settle()
  }

  async #stop(): Promise<void> {
    const { leases, release, rules } = this.#parts
    this.#cancelExpiry()
    leases.clear()
    try {
      await release()
    } finally {
      // Whoever asked for the end gets the response first.
      setImmediate(() => this.#end(rules.isClear))
    }
  }
}
