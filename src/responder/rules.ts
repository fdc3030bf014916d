/** Keeps the firewall rules in step with what is armed. Changes are made one at a time, in the order of the calls. */
import { selectorsFor, type WantedOfType } from '../challenge/selectors.js'
import type { FirewallChoice } from '../firewall/choices.js'
import { installFirst, type Chosen } from '../firewall/choose.js'
import type { Converse } from '../firewall/conversation.js'
import type { Run } from '../firewall/run.js'
import type { IpSets } from '../kernel/ip-sets.js'
import { letGoMark, type Presence, type Ruleset } from '../firewall/ruleset.js'
import { describeFamilies, joinFamilies, type Families } from './families.js'
import type { Log } from './log.js'

/** What every ruleset of a responder has in common. */
export interface RulesOptions {
  readonly tag: string
  readonly queue: number
  readonly mark: number
  readonly firewall: FirewallChoice
}

/** What the rules need from the machine. A test passes its own. */
export interface RulesEdges {
  readonly run: Run
  readonly converse: Converse
  readonly sets: IpSets
  readonly findFamilies: () => Promise<Families>
}

/** What the rules have to cover, each challenge type at most once. For nothing, no rules are installed. */
export type Wanted = readonly WantedOfType[]

const NOTHING: Wanted = []

/** The rules of one responder. */
export class Rules {
  readonly #options: RulesOptions
  readonly #edges: RulesEdges
  readonly #log: Log
  /** Whether every change so far has succeeded. After a failure there may be rules that this object does not know. */
  isClear = true
  #chosen: Chosen | undefined
  #families: Families
  /** What the rules in the kernel cover. A change that fails leaves it as it was. */
  #covered = NOTHING
  /** Whether a removal has failed. Then rules may exist although nothing is covered. */
  #isLeft = false
  /** Ports that are new, or have rules for one more IP version, since the last self-check. */
  readonly #unchecked = new Set<number>()
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: RulesOptions, families: Families, edges: RulesEdges, log: Log) {
    this.#options = options
    this.#families = families
    this.#edges = edges
    this.#log = log
  }

  /**
   * Makes the rules cover what `wanted` returns, and nothing else. It calls `wanted` when all earlier changes are done.
   * If rules cannot be changed, they stay as they were. If they cannot be removed, the next call removes them first.
   * @throws Failure `firewall-unavailable`, `firewall-failed`, `firewall-busy`
   */
  cover(wanted: () => Wanted): Promise<void> {
    return this.inTurn(async () => {
      const next = wanted()
      if (isSame(next, this.#covered) && !this.#isLeft) return
      const before = portsOf(this.#covered)
      if (this.#isLeft || next.length === 0) await this.#remove()
      if (next.length > 0 && before.length > 0) await this.#install(next)
      else if (next.length > 0) await this.#installAnew(next)
      this.#covered = next
      for (const port of portsOf(next)) if (!before.includes(port)) this.#unchecked.add(port)
    })
  }

  /** Returns whether all rules are still there; `uncovered` when nothing is covered. Never rejects. */
  async presence(): Promise<Presence | 'uncovered'> {
    return this.#chosen && this.#covered.length > 0 ? this.#chosen.firewall.presence() : 'uncovered'
  }

  /**
   * Installs the rules again, over those that are still there, so that there is no moment without rules. With `anew`
   * they are removed, and installed by the first back end that works. Call it inside {@link inTurn}.
   * @throws Failure as `cover` does
   */
  async putBack(anew: boolean): Promise<void> {
    // The program that removed the rules may have switched connection tracking on. Tracking that is off may be off only
    // for the moment of a reload, so a family that was tracked stays so. A family that has disappeared stays in the
    // list, so that its rules are removed in the end.
    const before = this.#families
    this.#families = joinFamilies(before, await this.#edges.findFamilies())
    if (anew) {
      await this.#chosen?.firewall.remove()
      await this.#choose(this.#covered)
    } else {
      await this.#install(this.#covered)
    }
    if (this.#families.length > before.length) for (const port of portsOf(this.#covered)) this.#unchecked.add(port)
  }

  /**
   * Looks whether the IP versions of this machine, or how their connections can be followed, have changed. If so, it
   * installs the rules again, over those that are there. That matters where rules stand for long: a container engine
   * that starts later switches connection tracking on.
   * @throws Failure as `cover` does
   */
  async followMachine(): Promise<void> {
    if (this.#covered.length === 0) return
    const joined = joinFamilies(this.#families, await this.#edges.findFamilies())
    if (JSON.stringify(joined) === JSON.stringify(this.#families)) return
    this.#log('info', `how connections are followed has changed: ${describeFamilies(joined)}`)
    await this.inTurn(async () => {
      if (this.#covered.length > 0) await this.putBack(false)
    })
  }

  /** Runs a task when all earlier ones have ended. Returns what the task returns. */
  inTurn<Result>(task: () => Promise<Result>): Promise<Result> {
    const turn = this.#last.then(task)
    this.#last = turn.catch(() => (this.isClear = false))
    return turn
  }

  /**
   * Returns those of the ports that still need a self-check, and no longer lists them. The caller has to make it. By
   * default it is about all ports that are covered.
   */
  takeUnchecked(ports: readonly number[] = portsOf(this.#covered)): number[] {
    const due = ports.filter((port) => this.#unchecked.has(port))
    for (const port of due) this.#unchecked.delete(port)
    return due
  }

  /** The IP versions that have rules. */
  get families(): Families {
    return this.#families
  }

  /** The bit of the packet mark that lets a connection go; `undefined` when all traffic of a port is queued. */
  get letGoMark(): number | undefined {
    return this.#chosen?.selection === 'prefilter' ? letGoMark(this.#options) : undefined
  }

  /** Requests for tokens that are not armed, as counted by the kernel when the rules were last looked at. */
  get unarmed(): number {
    return this.#chosen?.firewall.unarmed ?? 0
  }

  /** The back end in use and what it does, for the status; `undefined` while nothing is covered. */
  get inForce(): { name: string; selection: string; reason: string; tracked: number[] } | undefined {
    if (!this.#chosen || this.#covered.length === 0) return undefined
    const { firewall, selection, reason } = this.#chosen
    const tracked = this.#families.filter(({ isTracked }) => isTracked).map(({ version }) => version)
    return { name: firewall.name, selection, reason, tracked }
  }

  /** Installs the rules by the back end in use. */
  async #install(wanted: Wanted): Promise<void> {
    if (!this.#chosen) return
    const { firewall, selection } = this.#chosen
    await firewall.install({ ...this.#rulesetFor(wanted), selection })
  }

  /**
   * Installs the rules where there are none. The back end that worked before is tried first: where rules come and go,
   * the refusals of those before it would cost time with each coming.
   */
  async #installAnew(wanted: Wanted): Promise<void> {
    if (this.#chosen?.selection !== 'prefilter') return this.#choose(wanted)
    try {
      await this.#install(wanted)
      this.#log('info', `rules for port ${portsOf(wanted).join(', ')} by ${this.#chosen.firewall.name}, as before`)
    } catch {
      await this.#choose(wanted)
    }
  }

  /** Installs the rules by the first back end that works. */
  async #choose(wanted: Wanted): Promise<void> {
    const { run, sets, converse } = this.#edges
    this.#chosen = await installFirst(this.#options.firewall, this.#rulesetFor(wanted), run, sets, converse)
    const { firewall, selection, reason } = this.#chosen
    const how = `${selection}; ${describeFamilies(this.#families)}`
    this.#log('info', `rules for port ${portsOf(wanted).join(', ')} by ${firewall.name} (${how}); ${reason}`)
    if (selection === 'prefilter') return
    this.#log(
      'warning',
      'this kernel cannot pick out challenge requests: all traffic of the port passes through the queue',
    )
  }

  async #remove(): Promise<void> {
    this.#covered = NOTHING
    this.#isLeft = true
    await this.#chosen?.firewall.remove()
    this.#isLeft = false
    this.#log('info', 'rules removed')
  }

  #rulesetFor(wanted: Wanted): Omit<Ruleset, 'selection'> {
    const { tag, queue, mark } = this.#options
    return { tag, queue, mark, selectors: selectorsFor(wanted), families: this.#families }
  }
}

function isSame(one: Wanted, other: Wanted): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}

/** Returns the ports of all challenge types, in ascending order. */
function portsOf(wanted: Wanted): number[] {
  return [...new Set(wanted.flatMap(({ ports }) => ports))].sort((a, b) => a - b)
}
