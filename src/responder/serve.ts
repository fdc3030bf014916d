/**
 * The responder's life: acquire lock, queue, raw socket, control socket; arm and disarm; release in the opposite order.
 * Rules come last and go first, so that no packet is ever queued to nobody.
 */
import { http01Service } from '../challenge/http-01/service.js'
import { listen, type ControlServer } from '../control/server.js'
import {
  PROTOCOL_VERSION,
  refusal,
  type ArmRequest,
  type ControlRequest,
  type ControlResponse,
} from '../control/message.js'
import type { ResponderStatus } from '../control/responder-status.js'
import { toFailure } from '../failure.js'
import type { FirewallChoice } from '../firewall/choices.js'
import { needsLegacyIptables } from '../firewall/iptables/iptables.js'
import { run } from '../firewall/run.js'
import { isTranslated } from '../rules-read/translation.js'
import type { Lock } from '../kernel/lock.js'
import { requireDescriptors } from '../kernel/descriptors.js'
import { openPeerLookup } from '../kernel/peer.js'
import { openXtablesLock } from '../kernel/xtables-lock.js'
import { Leases, MAX_LEASES } from './leases.js'
import type { Log } from './log.js'
import { openPacketPath, type PacketPath } from './packet-path.js'
import { clearGround, Rules } from './rules.js'
import { orderSelfCheck, reportSelfCheck } from './self-checks.js'
import { Standalone } from './standalone.js'
import { lockRunDirectory } from './lock-run-directory.js'
import { removeRunDirectory, type RunDirectory } from './run-directory.js'

export interface ServeOptions {
  readonly directory: RunDirectory
  readonly firewall: FirewallChoice
  /** NFQUEUE number; a free one by default. */
  readonly queue: number | undefined
  /** One bit of the connection mark. */
  readonly mark: number
  /** Serves ports that nobody listens on. */
  readonly isStandalone: boolean
  /** Ends with its last challenge, as hooks want it; else only by `stop` or a signal. */
  readonly isTransient: boolean
  /** Of the program, for status. */
  readonly version: string
}

/** Descriptors that a start takes at once: queue, sockets, and the programs that look for leftover rules. */
const FOR_A_START = 24

/** Milliseconds a transient responder waits for a challenge. */
const IDLE_TIME = 10_000

/** Milliseconds for connections to end once nothing is armed any more. */
const DRAIN_TIME = 2_000

/** Milliseconds that somebody who sweeps the run directory may take. */
const SWEEP_TIME = 5_000

/** Milliseconds between looks at whether the rules are still there, while anything is armed. */
const CHECK_TIME = 3_000

/** The hook tries again, with the next responder. */
const stoppingResponse: ControlResponse = { ok: false, code: 'stopping', message: 'the responder is about to end' }

/** Longest delay setTimeout takes. */
const MAX_DELAY = 2 ** 31 - 1

export interface RunningResponder {
  /** Ends it: rules first. The promise of `ended` follows. @throws Failure when rules may be left */
  stop(): Promise<void>
  /** Whether its rules are gone. If not, whoever keeps it has to sweep. */
  readonly ended: Promise<boolean>
}

/**
 * Starts a responder; resolves when its control socket listens. `undefined` when the directory has one already.
 * @throws Failure
 */
export async function serve(options: ServeOptions, log: Log): Promise<RunningResponder | undefined> {
  let lock: Lock | undefined
  requireDescriptors(FOR_A_START)
  try {
    // A hook asks again by itself.
    lock = await lockRunDirectory(options.directory, options.isTransient ? 0 : SWEEP_TIME)
    if (!lock) return undefined
    const leases = new Leases()
    const { tag } = options.directory
    const [ground, path] = await Promise.all([
      clearGround(tag),
      openPacketPath([http01Service(leases.challenges)], options.queue, log, (event) => leases.note(event)),
    ])
    const underXtablesLock = await openXtablesLock(needsLegacyIptables(options.firewall))
    const rules = new Rules({ ...options, tag, queue: path.queue, underXtablesLock }, ground, log)
    const standalone = new Standalone(
      {
        challenges: leases.challenges,
        families: () => (options.isStandalone ? rules.families : []),
        isTranslated: (version, port) => isTranslated(version, port, run),
        onEvent: (event) => leases.note(event),
      },
      log,
    )
    const responder = new RunningDaemon(options, log, leases, path, rules, standalone, lock)
    await responder.listen()
    return responder
  } catch (thrown) {
    lock?.release()
    // One that was refused is somebody else's.
    if (lock || toFailure(thrown).code !== 'run-directory') removeRunDirectory(options.directory)
    throw thrown
  }
}

class RunningDaemon implements RunningResponder {
  readonly ended: Promise<boolean>
  readonly #options: ServeOptions
  readonly #log: Log
  readonly #leases: Leases
  readonly #path: PacketPath
  readonly #rules: Rules
  readonly #standalone: Standalone
  readonly #lock: Lock
  readonly #startedAt = new Date()
  #server: ControlServer | undefined
  #timer: NodeJS.Timeout | undefined
  #checkTimer: NodeJS.Timeout | undefined
  #stopping: Promise<void> | undefined
  #end: (isClean: boolean) => void = () => undefined

  constructor(
    options: ServeOptions,
    log: Log,
    leases: Leases,
    path: PacketPath,
    rules: Rules,
    standalone: Standalone,
    lock: Lock,
  ) {
    this.#options = options
    this.#log = log
    this.#leases = leases
    this.#path = path
    this.#rules = rules
    this.#standalone = standalone
    this.#lock = lock
    this.ended = new Promise((resolve) => (this.#end = resolve))
  }

  async listen(): Promise<void> {
    const peerOf = await openPeerLookup()
    this.#server = await listen(this.#options.directory.socket, {
      answer: (request) => this.#answer(request),
      onRefusal: (failure) =>
        this.#log('warning', `refused: ${failure.message} [${failure.code}]`, { event: 'refused', code: failure.code }),
      // The directory lets nobody else in; this holds also where somebody has loosened that.
      isAllowed: (fd) => [0, process.getuid?.()].includes(peerOf(fd)),
    })
    this.#checkTimer = setInterval(() => void this.#rules.check(), CHECK_TIME)
    this.#log('info', `listening in ${this.#options.directory.path}, queue ${this.#path.queue}`)
    this.#schedule()
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #answer(request: ControlRequest): Promise<ControlResponse> {
    if (request.op === 'status') return { ok: true, status: this.#status() }
    if (this.#stopping && request.op === 'arm') return stoppingResponse
    if (request.op === 'arm') return this.#arm(request)
    if (request.op === 'disarm') return this.#disarm(request.token)
    await this.stop()
    return { ok: true, stopped: true }
  }

  async #arm(request: ArmRequest): Promise<ControlResponse> {
    this.#leases.arm(request, performance.now())
    try {
      await this.#cover()
      // A stop that came meanwhile has forgotten it again.
      if (this.#stopping) return stoppingResponse
      this.#log('info', `${request.token} armed for ${request.identifier} on port ${request.port}`, {
        event: 'armed',
        token: request.token,
        identifier: request.identifier,
        port: request.port,
      })
      const ports = request.selfCheck ? this.#rules.takeUnchecked() : []
      if (ports.length === 0) return { ok: true }
      return {
        ok: true,
        check: orderSelfCheck(
          this.#leases,
          request.token,
          ports,
          this.#rules.families.map(({ version }) => version),
        ),
      }
    } catch (thrown) {
      this.#leases.disarm(request.token)
      await this.#cover().catch((again: unknown) => this.#log('error', toFailure(again).message))
      if (this.#leases.size === 0) setImmediate(() => void this.#stopIfDone())
      return refusal(thrown)
    } finally {
      this.#schedule()
    }
  }

  async #disarm(token: string): Promise<ControlResponse> {
    const seen = await reportSelfCheck(this.#leases, token)
    if (seen) return { ok: true, seen }
    this.#leases.retire(token)
    this.#log('info', `${token} disarmed`, { event: 'disarmed', token })
    try {
      const stopped = await this.#stopIfDone()
      // Only now: while its connections ended, one more may have acknowledged the answer.
      const challenge = this.#leases.takeLeave(token, performance.now())
      return { ok: true, ...(stopped && { stopped }), ...(challenge && { challenge }) }
    } finally {
      this.#leases.takeLeave(token, 0)
    }
  }

  /** What follows from a change of the leases: fewer ports to cover, or the end. */
  async #stopIfDone(): Promise<boolean> {
    if (this.#leases.size === 0 && this.#options.isTransient) {
      await this.stop()
      return true
    }
    // A port of ours is somebody's who may be waiting for it; connections that were taken over do not need it.
    await this.#standalone.cover(() => this.#leases.ports)
    if (this.#leases.size === 0) await this.#path.drained(DRAIN_TIME)
    await this.#cover()
    this.#schedule()
    return false
  }

  /** Rules for the ports in use, and servers where nobody listens. */
  async #cover(): Promise<void> {
    await Promise.all([this.#standalone.cover(() => this.#leases.ports), this.#rules.cover(() => this.#leases.ports)])
  }

  /** Wakes up at the next expiry, or when a transient responder has nothing to do. */
  #schedule(): void {
    clearTimeout(this.#timer)
    if (this.#stopping) return
    const isIdle = this.#leases.size === 0 && this.#options.isTransient
    const delay = isIdle ? IDLE_TIME : this.#leases.nextExpiry - performance.now()
    if (delay === Infinity) return
    this.#timer = setTimeout(() => void this.#expire(), Math.min(Math.max(delay, 0), MAX_DELAY))
  }

  async #expire(): Promise<void> {
    for (const token of this.#leases.expire(performance.now()))
      this.#log('warning', `${token} expired: no cleanup came`, { event: 'expired', token })
    try {
      await this.#stopIfDone()
    } catch (thrown) {
      this.#log('error', toFailure(thrown).message)
    }
  }

  /**
   * No new connection is taken over; those that are get a little time to end; then the rules go, and everything else.
   */
  async #stop(): Promise<void> {
    clearTimeout(this.#timer)
    clearInterval(this.#checkTimer)
    this.#leases.clear()
    await this.#standalone.cover(() => [])
    await this.#path.drained(DRAIN_TIME)
    try {
      await this.#rules.cover(() => [])
    } catch (thrown) {
      this.#log('error', toFailure(thrown).message)
      throw thrown
    } finally {
      this.#server?.close()
      this.#lock.release()
      removeRunDirectory(this.#options.directory)
      this.#log('info', 'ended')
      // Whoever asked for the end gets the response first.
      setImmediate(() => this.#end(this.#rules.isClear))
    }
  }

  #status(): ResponderStatus {
    const { inForce } = this.#rules
    return {
      version: this.#options.version,
      protocol: PROTOCOL_VERSION,
      pid: process.pid,
      startedAt: this.#startedAt.toISOString(),
      queue: this.#path.queue,
      mark: this.#options.mark,
      ports: this.#leases.ports,
      ...(inForce && { firewall: inForce }),
      ...(this.#standalone.ports.length > 0 && { standalone: this.#standalone.ports }),
      challenges: this.#leases.status(performance.now()),
      counts: {
        'tokens': this.#leases.size,
        ...this.#path.counts,
        'rules repaired': this.#rules.repairs,
        'served ourselves': this.#standalone.served,
        ...this.#log.counts,
      },
      limits: { tokens: MAX_LEASES, ...this.#path.limits, ...this.#log.limits },
      log: this.#log.recent,
    }
  }
}
