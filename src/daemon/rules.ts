/** Keeps the kernel's rules in step with the ports in use: one change at a time, in the order asked for. */
import type { FirewallChoice } from '../firewall/choices.js'
import { installFirst, sweep, type Chosen } from '../firewall/choose.js'
import { run } from '../firewall/run.js'
import { hasIpv6, isTracking } from '../firewall/tracking.js'
import type { Ruleset } from '../firewall/ruleset.js'
import type { Log } from './log.js'

export interface RulesOptions {
  readonly tag: string
  readonly queue: number
  readonly mark: number
  readonly firewall: FirewallChoice
}

export class Rules {
  readonly #options: RulesOptions
  readonly #log: Log
  /** How often the rules had to be put back. */
  repairs = 0
  #chosen: Chosen | undefined
  #families: Ruleset['families'] = []
  #ports: readonly number[] = []
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: RulesOptions, log: Log) {
    this.#options = options
    this.#log = log
  }

  /** Removes what a killed predecessor left. */
  sweep(): Promise<void> {
    return this.#inTurn(() => sweep(this.#options.tag, run))
  }

  /**
   * Makes the rules cover the ports that `wanted` gives when its turn has come, and no others; none at all removes them.
   * @throws Failure `firewall-unavailable`, `firewall-failed`
   */
  cover(wanted: () => readonly number[]): Promise<void> {
    return this.#inTurn(async () => {
      const ports = wanted()
      if (ports.join() === this.#ports.join()) return
      if (ports.length === 0) await this.#remove()
      else await this.#install(ports)
      this.#ports = ports
    })
  }

  /** Puts the rules back when another program has taken any of them away (a reload of firewalld, a flush). */
  check(): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#chosen || this.#ports.length === 0 || (await this.#chosen.firewall.isInstalled())) return
      this.#log('warning', 'the rules were changed by another program; putting them back')
      await this.#chosen.firewall.remove()
      await this.#installAnew(this.#ports)
      this.repairs++
    })
  }

  /** What is in force, for status. */
  get inForce(): { name: string; selection: string; reason: string; tracked: number[] } | undefined {
    if (!this.#chosen || this.#ports.length === 0) return undefined
    const tracked = this.#families.filter(({ isTracked }) => isTracked).map(({ version }) => version)
    return { name: this.#chosen.firewall.name, selection: this.#chosen.selection, reason: this.#chosen.reason, tracked }
  }

  async #install(ports: readonly number[]): Promise<void> {
    const { tag, queue, mark } = this.#options
    if (!this.#chosen || this.#ports.length === 0) return this.#installAnew(ports)
    await this.#chosen.firewall.install({ tag, queue, mark, ports, families: this.#families, selection: this.#chosen.selection })
  }

  /** By the first back end that works now, with tracking as it is now. */
  async #installAnew(ports: readonly number[]): Promise<void> {
    const { tag, queue, mark, firewall } = this.#options
    this.#families = await families()
    this.#chosen = await installFirst(firewall, { tag, queue, mark, ports, families: this.#families }, run)
    const { firewall: { name }, selection, reason } = this.#chosen
    this.#log('info', `rules for port ${ports.join(', ')} by ${name} (${selection}; ${this.#families.map(describeFamily).join(', ')}); ${reason}`)
    if (selection === 'port') this.#log('warning', 'this kernel cannot pick out challenge requests: all traffic of the port passes through the queue')
  }

  async #remove(): Promise<void> {
    await this.#chosen?.firewall.remove()
    this.#log('info', 'rules removed')
  }

  #inTurn<Result>(task: () => Promise<Result>): Promise<Result> {
    const turn = this.#last.then(task)
    this.#last = turn.catch(() => undefined)
    return turn
  }
}

async function families(): Promise<Ruleset['families']> {
  const v4 = { version: 4, isTracked: await isTracking(4) } as const
  return hasIpv6() ? [v4, { version: 6, isTracked: await isTracking(6) }] : [v4]
}

function describeFamily({ version, isTracked }: Ruleset['families'][number]): string {
  return `IPv${version} ${isTracked ? 'tracked' : 'untracked'}`
}
