/** The firewall rules of a responder as data, and the interface of the back ends that install them. */
import type { IpVersion } from '../wire/ip.js'
import { keyLength, type Selector } from '../wire/selector.js'
import type { BackEndName } from './choices.js'

/**
 * What the kernel queues. `prefilter`: packets that a selector matches, and the further packets of their connections.
 * `port`: all traffic of the selectors' ports, on kernels that cannot match payloads.
 */
export type Selection = 'prefilter' | 'port'

/**
 * Bytes of the longest packet that is queued. The receive buffer of the queue has 64 KiB, netlink headers included, and
 * a packet that does not fit is lost. No request head is that long.
 */
export const LONGEST_QUEUED = 61_440

/**
 * Seconds for which the source of a candidate (address and port) is followed where there is no connection mark. `armed`
 * is for a candidate with an armed key, `incomplete` for one whose payload ends before the end of the key.
 */
export const FOLLOWED_SECONDS = { armed: 60, incomplete: 2 } as const

/** The rules of one responder. */
export interface Ruleset {
  /**
   * Part of the names of our tables and chains. It sets our rules apart from those of other programs and of other
   * responders. Letters, digits and `-`, at most 12 characters.
   */
  readonly tag: string
  /** What to look for, at least one selector. */
  readonly selectors: readonly Selector[]
  /** NFQUEUE number. */
  readonly queue: number
  /** The bit of the connection mark that is set on followed connections. */
  readonly mark: number
  /** The IP versions to install rules for. */
  readonly families: readonly Family[]
  readonly selection: Selection
}

/** An IP version as a ruleset sees it. */
export interface Family {
  readonly version: IpVersion
  /** Whether connection tracking already runs for this version. The rules never switch it on. */
  readonly isTracked: boolean
  /**
   * Whether this machine routes by packet marks that our bit would change. Then connections are followed by their
   * source although they are tracked: other rules may copy the mark of a connection into its packets.
   */
  readonly isRoutedByMark?: boolean
}

/** Returns whether connections are followed by a bit of their mark. Otherwise it is by source address and port. */
export function isFollowedByMark({ isTracked, isRoutedByMark = false }: Family): boolean {
  return isTracked && !isRoutedByMark
}

/**
 * How many payloads that end before the end of the key are queued each second: from one address, and in all. Those
 * beyond go on to the server. No known validator splits its request there.
 */
export const INCOMPLETE_QUEUED = { perAddress: 50, inAll: 200 } as const

/**
 * How many further packets of followed connections are queued each second, and how many at once. Those beyond go on to
 * the server, which does not know what they continue. The queue has room for more than are queued at once by this limit
 * and the others. So whole requests with an armed key are never turned away because of other packets.
 */
export const FURTHER_QUEUED = { perSecond: 2_000, atOnce: 500 } as const

/**
 * How many requests with another key are queued and followed where all of them are wanted: from one source (an IPv4
 * address, or the first 64 bits of an IPv6 address), and in all. Those beyond go on to the server.
 *
 * A CA asks from five or six places, and a certificate has up to 100 names. So 600 requests may come at once, from one
 * source if a load balancer hides the others. In all, there is room for one such order and most of a second one. What
 * is allowed each second is less than an eighth of what the responder answers on two slow cores.
 */
export const OTHERS_QUEUED = {
  perSource: { perSecond: 100, atOnce: 600 },
  inAll: { perSecond: 400, atOnce: 1_000 },
} as const

/**
 * How many candidates are queued and followed of a selector that is limited: from one source, and in all. Those beyond
 * go on to the server. For TLS that is every new connection where the kernel cannot search a hello, so there is room
 * for more each second than of requests that are answered; each of them is only read, and let go.
 */
export const LIMITED_QUEUED = {
  perSource: OTHERS_QUEUED.perSource,
  inAll: { perSecond: 1_000, atOnce: 1_000 },
} as const

/** Bits of an IPv6 address that count as one source: a site gets no longer a prefix (RFC 6177). */
export const SOURCE_BITS = 64

/** How many further packets are queued at once where anybody is answered: three for each request at once. */
const FURTHER_OF_OTHERS = 2_000

/** Returns how many further packets of followed connections are queued at once. */
export function furtherAtOnce({ selectors }: Pick<Ruleset, 'selectors'>): number {
  return selectors.some(({ wantsOthers, isLimited }) => wantsOthers || isLimited)
    ? FURTHER_OF_OTHERS
    : FURTHER_QUEUED.atOnce
}

/** Seconds for which an untracked source whose payload was incomplete is not followed for another such payload. */
export const SEEN_SECONDS = 60

/** How many requests with an unarmed key are queued each second, so that the responder can report them. */
export const UNARMED_QUEUED = 5

/**
 * Returns the bit of the packet mark that lets a connection go. The responder sets it on a packet and sends that packet
 * through the hook once more (`NF_REPEAT`). A rule then clears the bit and stops following the connection. It is the
 * bit above the one of the connection mark, or the one below if there is none above: other programs copy connection
 * marks into packet marks, so the same bit would be ambiguous.
 */
export function letGoMark({ mark }: Pick<Ruleset, 'mark'>): number {
  return mark === 0x80000000 ? 0x40000000 : mark * 2
}

/** Returns whether two rulesets differ, but only in the keys of their selectors. */
export function differsInKeysOnly(one: Ruleset, other: Ruleset): boolean {
  const withoutKeys = (ruleset: Ruleset) =>
    JSON.stringify({
      ...ruleset,
      selectors: ruleset.selectors.map((selector) => ({
        ...selector,
        keys: selector.keys === 'any' ? 'any' : keyLength(selector),
      })),
    })
  return JSON.stringify(one) !== JSON.stringify(other) && withoutKeys(one) === withoutKeys(other)
}

/** Returns the ports of all selectors of a transport, each once. */
export function portsOf({ selectors }: Pick<Ruleset, 'selectors'>, transport: Selector['transport']): number[] {
  return [...new Set(selectors.flatMap((selector) => (selector.transport === transport ? selector.ports : [])))]
}

/**
 * What a look at the installed rules has shown. `whole`: they are as installed. `broken`: some are missing or changed.
 * `unknown`: they could not be listed, for the reason given. A caller must not treat that as a change.
 */
export type Presence = 'whole' | 'broken' | { readonly unknown: string }

/** Sums up the readings of a counter in the kernel, which restarts at 0 when its rule is installed again. */
export class Tally {
  #before = 0
  #last = 0

  /** Takes a reading. */
  note(count: number): void {
    if (count < this.#last) this.#before += this.#last
    this.#last = count
  }

  /** What was counted since the beginning. */
  get sum(): number {
    return this.#before + this.#last
  }
}

/** A back end: installs rulesets in the kernel, and removes them. */
export interface Firewall {
  readonly name: BackEndName
  /**
   * Replaces the ruleset that was installed before, if any. The change is atomic for each IP version, so there is no
   * moment without rules. If only keys differ, only keys are changed. If it fails, the rules before are kept. Call
   * `remove` before the first install, to clear what an earlier responder with this tag left.
   * @throws Failure `firewall-failed`, `firewall-busy`
   */
  install(ruleset: Ruleset): Promise<void>
  /**
   * Removes every rule of the tag, also those that an earlier responder left. It is no error if there are none.
   * @throws Failure `firewall-failed`, `firewall-busy`
   */
  remove(): Promise<void>
  /** Looks whether the rules that were installed last are still there. Never rejects. */
  presence(): Promise<Presence>
  /** Requests with an unarmed key, as counted by the kernel when the rules were last looked at. */
  readonly unarmed: number
}
