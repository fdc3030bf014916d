/** Keeps the kernel's rules in step with the ports in use: one change at a time, in the order asked for. */
import { toFailure } from '../failure.js'
import type { FirewallChoice } from '../firewall/choices.js'
import { installFirst, sweep, type Chosen } from '../firewall/choose.js'
import { changesLegacyTables } from '../firewall/iptables/iptables.js'
import { run as runProgram, type Run } from '../firewall/run.js'
import { hasIpv6, isTracking } from '../firewall/tracking.js'
import type { Ruleset } from '../firewall/ruleset.js'
import type { UnderLock } from '../kernel/xtables-lock.js'
import type { Log } from './log.js'

export interface RulesOptions {
  readonly tag: string
  readonly queue: number
  readonly mark: number
  readonly firewall: FirewallChoice
  readonly underXtablesLock: UnderLock
}

/** How often the back end in use is tried again before another may be chosen. */
const REPAIRS_BEFORE_CHOICE = 3

/** The families there are, and whether connections are tracked in them. */
export type Ground = Ruleset['families']

export class Rules {
  readonly #options: RulesOptions
  readonly #log: Log
  readonly #run: Run
  /** How often the rules had to be put back. */
  repairs = 0
  /**
   * Whether every change so far has succeeded. After one that failed, rules of ours may be where we do not look for
   * them.
   */
  isClear = true
  #chosen: Chosen | undefined
  #families: Ground
  #ports: readonly number[] = []
  /** Covered, or covered otherwise, since somebody last looked whether it works. */
  readonly #unchecked = new Set<number>()
  #failedRepairs = 0
  #isLooking = false
  /** What the last look ended with, so that it is said once. */
  #lastFault = ''
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: RulesOptions, ground: Ground, log: Log) {
    this.#options = options
    this.#families = ground
    this.#log = log
    this.#run = (argv, input) =>
      changesLegacyTables(argv) ? options.underXtablesLock(() => runProgram(argv, input)) : runProgram(argv, input)
  }

  /**
   * Makes the rules cover the ports that `wanted` gives when its turn has come, and no others; none at all removes
   * them. When it fails to change them, they are as before.
   * @throws Failure `firewall-unavailable`, `firewall-failed`
   */
  cover(wanted: () => readonly number[]): Promise<void> {
    return this.#inTurn(async () => {
      const ports = wanted()
      if (ports.join() === this.#ports.join()) return
      const before = this.#ports
      if (ports.length > 0) await this.#install(ports, before.length > 0)
      this.#ports = ports
      if (ports.length === 0) await this.#remove()
      for (const port of ports) if (!before.includes(port)) this.#unchecked.add(port)
    })
  }

  /**
   * Puts the rules back when another program has taken any of them away (a reload of firewalld, a flush). What keeps it
   * from that is said once, and left to the next check; never rejects.
   */
  async check(): Promise<void> {
    // A look may take longer than the time between two.
    if (this.#isLooking) return
    this.#isLooking = true
    try {
      // Outside its turn: nobody who arms or disarms waits for a program that only lists. In it once more, as what was
      // seen may have been a change of ours.
      if (await this.#isBroken()) await this.#inTurn(async () => (await this.#isBroken()) && (await this.#repair()))
    } catch (thrown) {
      this.#sayOnce('error', `the rules are not all there: ${toFailure(thrown).message}`)
    } finally {
      this.#isLooking = false
    }
  }

  async #isBroken(): Promise<boolean> {
    if (!this.#chosen || this.#ports.length === 0) return false
    const presence = await this.#chosen.firewall.presence()
    if (presence === 'broken') return true
    if (presence === 'whole') {
      this.#failedRepairs = 0
      this.#lastFault = ''
    } else {
      this.#sayOnce('warning', `it cannot be seen whether the rules are all there: ${presence.unknown}`)
    }
    return false
  }

  #sayOnce(level: 'warning' | 'error', fault: string): void {
    if (fault !== this.#lastFault) this.#log(level, fault)
    this.#lastFault = fault
  }

  /** Over what is there, without a moment without rules. */
  async #repair(): Promise<void> {
    if (this.#failedRepairs === 0) this.#log('warning', 'the rules were changed by another program; putting them back')
    this.#failedRepairs++
    // Whoever took them away may have switched connection tracking on as well; or off, in the middle of a reload, which
    // says nothing. A family that is gone keeps its rules, for who else would remove them?
    const before = this.#families
    this.#families = joinFamilies(before, await families())
    // In the middle of a reload everything may fail for a moment: that is no reason to take another back end, or the
    // whole port, at once.
    if (this.#failedRepairs <= REPAIRS_BEFORE_CHOICE) {
      await this.#install(this.#ports, true)
    } else {
      await this.#chosen?.firewall.remove()
      await this.#choose(this.#ports)
    }
    if (this.#families.length > before.length) for (const port of this.#ports) this.#unchecked.add(port)
    this.#failedRepairs = 0
    this.repairs++
  }

  /** Covered ports that a self-check is still due for; whoever takes them makes it. */
  takeUnchecked(): number[] {
    const due = this.#ports.filter((port) => this.#unchecked.has(port))
    this.#unchecked.clear()
    return due
  }

  /** The families that rules are for. */
  get families(): Ground {
    return this.#families
  }

  /** What is in force, for status. */
  get inForce(): { name: string; selection: string; reason: string; tracked: number[] } | undefined {
    if (!this.#chosen || this.#ports.length === 0) return undefined
    const tracked = this.#families.filter(({ isTracked }) => isTracked).map(({ version }) => version)
    return { name: this.#chosen.firewall.name, selection: this.#chosen.selection, reason: this.#chosen.reason, tracked }
  }

  async #install(ports: readonly number[], isChange: boolean): Promise<void> {
    const { tag, queue, mark } = this.#options
    if (!this.#chosen || !isChange) return this.#choose(ports)
    await this.#chosen.firewall.install({
      tag,
      queue,
      mark,
      ports,
      families: this.#families,
      selection: this.#chosen.selection,
    })
  }

  /** By the first back end that works now. */
  async #choose(ports: readonly number[]): Promise<void> {
    const { tag, queue, mark, firewall } = this.#options
    this.#chosen = await installFirst(firewall, { tag, queue, mark, ports, families: this.#families }, this.#run)
    const {
      firewall: { name },
      selection,
      reason,
    } = this.#chosen
    this.#log(
      'info',
      `rules for port ${ports.join(', ')} by ${name} (${selection}; ${this.#families.map(describeFamily).join(', ')}); ${reason}`,
    )
    if (selection === 'port')
      this.#log(
        'warning',
        'this kernel cannot pick out challenge requests: all traffic of the port passes through the queue',
      )
  }

  async #remove(): Promise<void> {
    await this.#chosen?.firewall.remove()
    this.#log('info', 'rules removed')
  }

  #inTurn<Result>(task: () => Promise<Result>): Promise<Result> {
    const turn = this.#last.then(task)
    this.#last = turn.catch(() => (this.isClear = false))
    return turn
  }
}

/** All families of both; one that was tracked or is tracked now counts as tracked. */
export function joinFamilies(before: Ground, now: Ground): Ground {
  const versions = ([4, 6] as const).filter((version) =>
    [...before, ...now].some((family) => family.version === version),
  )
  return versions.map((version) => ({
    version,
    isTracked: [...before, ...now].some((family) => family.version === version && family.isTracked),
  }))
}

/** Removes what a killed responder of this tag left, and looks at the families. @throws Failure `firewall-failed` */
export async function clearGround(tag: string): Promise<Ground> {
  const [found] = await Promise.all([families(), sweep(tag, runProgram)])
  return found
}

async function families(): Promise<Ground> {
  const versions = hasIpv6() ? ([4, 6] as const) : ([4] as const)
  // One after the other: both try by the same count.
  const found = []
  for (const version of versions) found.push({ version, isTracked: await isTracking(version, runProgram) })
  return found
}

function describeFamily({ version, isTracked }: Ruleset['families'][number]): string {
  return `IPv${version} ${isTracked ? 'tracked' : 'untracked'}`
}
