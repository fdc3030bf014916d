/** What every back end installs, as data. */
import type { IpVersion } from '../wire/ip.js'
import type { Selector } from '../wire/selector.js'
import type { BackEndName } from './choices.js'

/**
 * `prefilter`: the kernel queues only what the selectors pick out, and the further packets of those connections.
 * `port`: the kernel lacks the match for that, so all of the selectors' ports' traffic is queued.
 */
export type Selection = 'prefilter' | 'port'

/**
 * Longer packets are left alone, in bytes: the queue's receive buffer holds 64 KiB with netlink's own headers, and what
 * does not fit is lost. No request head is that long.
 */
export const LONGEST_QUEUED = 61_440

/**
 * How long the address and port that a candidate came from are followed where there is no connection mark, in seconds:
 * with an armed key, and as long as too little of it is there to tell.
 */
export const FOLLOWED_SECONDS = { armed: 60, incomplete: 2 } as const

/** The rules of one responder. */
export interface Ruleset {
  /** Tells ours from other people's rules, and one responder's from another's: letters, digits and `-`, at most 12. */
  readonly tag: string
  /** At least one. */
  readonly selectors: readonly Selector[]
  /** NFQUEUE number. */
  readonly queue: number
  /** The bit of the connection mark that follows a candidate's connection. */
  readonly mark: number
  /**
   * Families to install rules for; `isTracked` says whether connection tracking runs in it already: it is never
   * switched on.
   */
  readonly families: readonly { readonly version: IpVersion; readonly isTracked: boolean }[]
  readonly selection: Selection
}

/** Packets a second of requests with a key that nobody has armed, of which a copy is queued all the same. */
export const UNARMED_QUEUED = 5

/**
 * The bit of the packet mark by which a packet that is sent through the hook once more says that its connection is to
 * be let go: the one above the connection's, which other programs restore into packet marks, or below the highest. The
 * rule that finds it takes it off again.
 */
export function letGoMark({ mark }: Pick<Ruleset, 'mark'>): number {
  return mark === 0x80000000 ? 0x40000000 : mark * 2
}

/** Returns whether a ruleset differs from another in the keys of its selectors, and in nothing else. */
export function differsInKeysOnly(one: Ruleset, other: Ruleset): boolean {
  const withoutKeys = (ruleset: Ruleset) =>
    JSON.stringify({
      ...ruleset,
      selectors: ruleset.selectors.map((selector) => ({ ...selector, keys: selector.keys === 'any' ? 'any' : [] })),
    })
  return JSON.stringify(one) !== JSON.stringify(other) && withoutKeys(one) === withoutKeys(other)
}

/** The ports of all selectors of a transport. */
export function portsOf({ selectors }: Pick<Ruleset, 'selectors'>, transport: Selector['transport']): number[] {
  return [...new Set(selectors.flatMap((selector) => (selector.transport === transport ? selector.ports : [])))]
}

/**
 * Whether rules are as they were installed; `broken` when any of them is missing or changed. What could not be looked
 * at is `unknown`, and that is no change.
 */
export type Presence = 'whole' | 'broken' | { readonly unknown: string }

/** Sums up what a counter in the kernel has shown, over its starts from nothing with rules that are made anew. */
export class Tally {
  #before = 0
  #last = 0

  /** Takes what the counter shows now. */
  note(count: number): void {
    if (count < this.#last) this.#before += this.#last
    this.#last = count
  }

  /** All that was counted. */
  get sum(): number {
    return this.#before + this.#last
  }
}

/** A way to bring a ruleset into the kernel. */
export interface Firewall {
  readonly name: BackEndName
  /**
   * Makes the kernel hold this ruleset instead of the one installed before, of which some may be missing; atomic in
   * each family, so that there is no moment without rules. What a predecessor of the same tag left has to be removed
   * first. Where nothing but keys is other than before, nothing but keys is changed. On failure the rules before stay.
   * @throws Failure `firewall-failed`
   */
  install(ruleset: Ruleset): Promise<void>
  /**
   * Removes everything of the tag, also what a predecessor left; nothing there is no error. @throws Failure
   * `firewall-failed`
   */
  remove(): Promise<void>
  /** Whether the rules last installed are all still there. Never rejects. */
  presence(): Promise<Presence>
  /** Requests for keys that nobody has armed, as many as `presence` has seen counted by the kernel. */
  readonly unarmed: number
}
