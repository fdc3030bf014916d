/**
 * The chains of a ruleset: chains of our own in the mangle table, with the tag in each name.
 *
 * | chain | what it does |
 * |---|---|
 * | `CERTBOT-NFQ-TAG` | INPUT (a local server) and FORWARD (a container behind a DNAT) send all TCP packets here |
 * | `…-D` | the same for UDP |
 * | `…-C` | looks at the port of a packet that may be a candidate |
 * | `…-1`, `…-2` and so on | one for each start: compares the whole start, then the key |
 * | `…-A` | the key is armed: follows the connection, queues the packet |
 * | `…-I` | the payload ends before the key does: passes on what is within the limits |
 * | `…-U` | it is within the limits: follows the connection, by source for a short time only, and queues the packet |
 * | `…-N` | the key is not armed: counts it, and queues a few a second, or those within limits go to `…-A` |
 * | `…-T` | it is of a kind that anybody can send: those within limits go to `…-A` |
 * | `…-Q` | picks the further packets of a connection that has our connection mark |
 * | `…-R` | picks the further packets of a followed source, where the mark is not used |
 * | `…-F` | queues such a further packet, within a limit |
 * | `…-L` | lets a connection go: a packet that the responder sent through the hook once more ends the following |
 */
import type { Selector, Start } from '../../wire/selector.js'
import type { Family, Ruleset } from '../ruleset.js'

/** What a selector looks at. */
export type Transport = Selector['transport']

/** Returns the name of the chain that INPUT and FORWARD jump to. */
export function chainName(tag: string): string {
  return `CERTBOT-NFQ-${tag}`
}

/** Returns the tag in the name of one of our chains; `undefined` for every other name. */
export function tagOf(chain: string): string | undefined {
  return /^CERTBOT-NFQ-(.+?)(?:-[A-Z]|-\d+)?$/.exec(chain)?.[1]
}

/** The names of a tag's chains. */
export type ChainNames = ReturnType<typeof namesFor>

/** Returns the names of a tag's chains. */
export function namesFor(tag: string) {
  const entry = chainName(tag)
  return {
    entry,
    datagrams: `${entry}-D`,
    candidates: `${entry}-C`,
    start: (place: number) => `${entry}-${place}`,
    armed: `${entry}-A`,
    incomplete: `${entry}-I`,
    undecided: `${entry}-U`,
    unarmed: `${entry}-N`,
    limited: `${entry}-T`,
    byMark: `${entry}-Q`,
    byAddress: `${entry}-R`,
    further: `${entry}-F`,
    letGo: `${entry}-L`,
  }
}

/** Returns the names of all chains of a ruleset. Each stands after the chains that jump to it. */
export function chainNames(ruleset: Ruleset): readonly string[] {
  const names = namesFor(ruleset.tag)
  return [
    names.entry,
    ...(transportsOf(ruleset).includes('udp') ? [names.datagrams] : []),
    names.candidates,
    ...startsOf(ruleset).map(({ place }) => names.start(place)),
    names.armed,
    names.incomplete,
    names.undecided,
    names.unarmed,
    ...(ruleset.selectors.some(({ isLimited }) => isLimited) ? [names.limited] : []),
    names.byMark,
    names.byAddress,
    names.further,
    names.letGo,
  ]
}

/** A start, and the selector that it is of. */
export interface PlacedStart {
  readonly selector: Selector
  readonly start: Start
  /** Number of the start, from 1 on; the starts of all selectors are counted together. */
  readonly place: number
}

/** Returns the starts of all selectors. */
export function startsOf({ selectors }: Ruleset): PlacedStart[] {
  return selectors
    .flatMap((selector) => selector.starts.map((start) => ({ selector, start })))
    .map((placed, index) => ({ ...placed, place: index + 1 }))
}

/** Returns the transports that a ruleset has selectors for. */
export function transportsOf({ selectors }: Ruleset): Transport[] {
  return (['tcp', 'udp'] as const).filter((transport) => selectors.some((selector) => selector.transport === transport))
}

/** A rule of a built-in chain, `hook`, that jumps to our chain `target`. */
export interface Jump {
  readonly hook: string
  readonly rule: string
  readonly target: string
}

/** Returns the jumps from the built-in chains of mangle to ours. */
export function jumpsOf(ruleset: Ruleset, family: Family): Jump[] {
  const { entry, datagrams } = namesFor(ruleset.tag)
  return transportsOf(ruleset).flatMap((transport) => {
    const target = transport === 'tcp' ? entry : datagrams
    return hookChains(family).map((hook) => ({ hook, rule: `-p ${transport} -j ${target}`, target }))
  })
}

/**
 * Returns the built-in chains of mangle that jump to ours. FORWARD is needed for containers behind a DNAT, and there is
 * no NAT without connection tracking.
 */
export function hookChains({ isTracked }: Family): string[] {
  return isTracked ? ['INPUT', 'FORWARD'] : ['INPUT']
}
