/** Keeps the kernel's rules in step with what is armed: one change at a time, in the order asked for. */
import { http01Selector } from '../challenge/http-01/selector.js'
import type { FirewallChoice } from '../firewall/choices.js'
import { installFirst, type Chosen } from '../firewall/choose.js'
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

/** What the rules ask of the machine. */
export interface RulesEdges {
  readonly run: Run
  readonly sets: IpSets
  readonly findFamilies: () => Promise<Families>
}

/** What the rules are to cover; without any port there are none. */
export interface Wanted {
  /** In ascending order. */
  readonly ports: readonly number[]
  /** What may be asked for on them. */
  readonly tokens: readonly string[]
}

const NOTHING: Wanted = { ports: [], tokens: [] }

/** The rules of one responder. */
export class Rules {
  readonly #options: RulesOptions
  readonly #edges: RulesEdges
  readonly #log: Log
  /**
   * Whether every change so far has succeeded. After one that failed, rules of ours may be where we do not look for
   * them.
   */
  isClear = true
  #chosen: Chosen | undefined
  #families: Families
  /** What the rules in the kernel cover: after a change that failed, what they covered before it. */
  #covered = NOTHING
  /** A removal has failed: rules may be there though nothing is covered. */
  #isLeft = false
  /** Covered, or covered otherwise, since somebody last looked whether it works. */
  readonly #unchecked = new Set<number>()
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: RulesOptions, families: Families, edges: RulesEdges, log: Log) {
    this.#options = options
    this.#families = families
    this.#edges = edges
    this.#log = log
  }

  /**
   * Makes the rules cover what `wanted` gives when its turn has come, and nothing else. When it fails to change them,
   * they are as before; what it fails to remove, the next call removes first.
   * @throws Failure `firewall-unavailable`, `firewall-failed`, `firewall-busy`
   */
  cover(wanted: () => Wanted): Promise<void> {
    return this.inTurn(async () => {
      const next = wanted()
      if (isSame(next, this.#covered) && !this.#isLeft) return
      const before = this.#covered.ports
      if (this.#isLeft || next.ports.length === 0) await this.#remove()
      if (next.ports.length > 0 && before.length > 0) await this.#install(next)
      else if (next.ports.length > 0) await this.#choose(next)
      this.#covered = next
      for (const port of next.ports) if (!before.includes(port)) this.#unchecked.add(port)
    })
  }

  /** Returns whether the rules are all there; `uncovered` when nothing is covered. Never rejects. */
  async presence(): Promise<Presence | 'uncovered'> {
    return this.#chosen && this.#covered.ports.length > 0 ? this.#chosen.firewall.presence() : 'uncovered'
  }

  /**
   * Puts the rules back, to be called in turn: over what is there, without a moment without rules. With `anew` by the
   * first back end that works now. @throws Failure
   */
  async putBack(anew: boolean): Promise<void> {
    // Whoever took them away may have switched connection tracking on as well; or off, in the middle of a reload, which
    // says nothing. A family that is gone keeps its rules, for who else would remove them?
    const before = this.#families
    this.#families = joinFamilies(before, await this.#edges.findFamilies())
    if (anew) {
      await this.#chosen?.firewall.remove()
      await this.#choose(this.#covered)
    } else {
      await this.#install(this.#covered)
    }
    if (this.#families.length > before.length) for (const port of this.#covered.ports) this.#unchecked.add(port)
  }

  /** Runs a task once all that were asked for before have ended. */
  inTurn<Result>(task: () => Promise<Result>): Promise<Result> {
    const turn = this.#last.then(task)
    this.#last = turn.catch(() => (this.isClear = false))
    return turn
  }

  /** Returns the covered ports that a self-check is still due for; whoever takes them makes it. */
  takeUnchecked(): number[] {
    const due = this.#covered.ports.filter((port) => this.#unchecked.has(port))
    this.#unchecked.clear()
    return due
  }

  /** The families that rules are for. */
  get families(): Families {
    return this.#families
  }

  /** The bit of the packet mark that lets a connection go; `undefined` where all of a port is queued. */
  get letGoMark(): number | undefined {
    return this.#chosen?.selection === 'prefilter' ? letGoMark(this.#options) : undefined
  }

  /** Requests for tokens that are not armed, as many as the kernel had counted when it was last looked at. */
  get unarmed(): number {
    return this.#chosen?.firewall.unarmed ?? 0
  }

  /** What is in force, for status; `undefined` while nothing is covered. */
  get inForce(): { name: string; selection: string; reason: string; tracked: number[] } | undefined {
    if (!this.#chosen || this.#covered.ports.length === 0) return undefined
    const { firewall, selection, reason } = this.#chosen
    const tracked = this.#families.filter(({ isTracked }) => isTracked).map(({ version }) => version)
    return { name: firewall.name, selection, reason, tracked }
  }

  /** By the back end in use. */
  async #install(wanted: Wanted): Promise<void> {
    if (!this.#chosen) return
    const { firewall, selection } = this.#chosen
    await firewall.install({ ...this.#rulesetFor(wanted), selection })
  }

  /** By the first back end that works now. */
  async #choose(wanted: Wanted): Promise<void> {
    const { run, sets } = this.#edges
    this.#chosen = await installFirst(this.#options.firewall, this.#rulesetFor(wanted), run, sets)
    const { firewall, selection, reason } = this.#chosen
    const how = `${selection}; ${describeFamilies(this.#families)}`
    this.#log('info', `rules for port ${wanted.ports.join(', ')} by ${firewall.name} (${how}); ${reason}`)
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

  #rulesetFor({ ports, tokens }: Wanted): Omit<Ruleset, 'selection'> {
    const { tag, queue, mark } = this.#options
    return { tag, queue, mark, selectors: [http01Selector(ports, tokens)], families: this.#families }
  }
}

function isSame(one: Wanted, other: Wanted): boolean {
  return one.ports.join() === other.ports.join() && one.tokens.join() === other.tokens.join()
}
