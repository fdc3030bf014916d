/** Checks regularly whether the rules are still there, and puts them back. */
import { toFailure } from '../failure.js'
import { every, type Clock } from './clock.js'
import type { Log } from './log.js'
import type { Rules } from './rules.js'

/** The part of the rules that the watchdog uses. */
export type WatchedRules = Pick<Rules, 'presence' | 'inTurn' | 'putBack' | 'followMachine'>

/** Milliseconds between looks. */
const LOOK_TIME = 3_000

/** Every so many looks it also looks at what the machine is like. */
const LOOKS_TO_MACHINE = 20

/** The number of tries by the back end in use, before another may be chosen. */
const TRIES_BEFORE_CHOICE = 3

/** Watches rules while they are in force. */
export class Watchdog {
  /** The number of times that the rules were put back. */
  repairs = 0
  /** Ends the looks. */
  readonly stop: () => void
  readonly #rules: WatchedRules
  readonly #log: Log
  #failedTries = 0
  #isLooking = false
  #looks = 0
  /** The result of the last look, so that it is logged once. */
  #lastFault = ''

  constructor(rules: WatchedRules, clock: Clock, log: Log) {
    this.#rules = rules
    this.#log = log
    this.stop = every(clock, LOOK_TIME, () => void this.#look())
  }

  /**
   * Puts the rules back when another program has removed any of them (a reload of firewalld, a flush). What prevents
   * that is logged once, and tried again at the next look. Never rejects.
   */
  async #look(): Promise<void> {
    // A look may take longer than the time between two.
    if (this.#isLooking) return
    this.#isLooking = true
    try {
      // The first look is not in turn, so that nobody who arms or disarms waits for it. It may have seen half of a
      // change of ours, so the look is repeated in turn.
      if (await this.#isBroken())
        await this.#rules.inTurn(async () => {
          if (await this.#isBroken()) await this.#repair()
        })
      if (++this.#looks % LOOKS_TO_MACHINE === 0) await this.#rules.followMachine()
    } catch (thrown) {
      this.#sayOnce('error', `the rules are not all there: ${toFailure(thrown).message}`)
    } finally {
      this.#isLooking = false
    }
  }

  async #isBroken(): Promise<boolean> {
    const presence = await this.#rules.presence()
    if (presence === 'whole') {
      this.#failedTries = 0
      this.#lastFault = ''
    } else if (typeof presence === 'object') {
      this.#sayOnce('warning', `it cannot be seen whether the rules are all there: ${presence.unknown}`)
    }
    return presence === 'broken'
  }

  async #repair(): Promise<void> {
    if (this.#failedTries === 0) this.#log('warning', 'the rules were changed by another program; putting them back')
    this.#failedTries++
    // During a reload everything may fail for a moment. That is no reason to use another back end, or the whole port,
    // at once.
    await this.#rules.putBack(this.#failedTries > TRIES_BEFORE_CHOICE)
    this.#failedTries = 0
    this.repairs++
  }

  #sayOnce(level: 'warning' | 'error', fault: string): void {
    if (fault !== this.#lastFault) this.#log(level, fault)
    this.#lastFault = fault
  }
}
