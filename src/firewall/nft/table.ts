/**
 * The contents of our table for one IP version.
 *
 * | chain | what it does |
 * |---|---|
 * | `input`, `forward` | the base chains, at the hooks for a local server and for a container behind a DNAT |
 * | `select` | every packet: looks for a followed connection, and for a payload that may be a candidate's |
 * | `starts` | calls `start-S-N` for each start of a segment |
 * | `datagrams` | every UDP packet, in place of `select`: calls `start-S-N` for each start of a datagram |
 * | `start-S-N` | start N of selector S: compares the whole start, then the key |
 * | `armed-S` | the key is armed: looks at the port |
 * | `take` | follows the connection, and queues the packet |
 * | `incomplete-S` | the payload ends before the key does: looks at the port |
 * | `undecided` | within the limits: follows the connection, by source for a short time only, and queues the packet |
 * | `unarmed-S` | the key is not armed: counts the packet, and queues a few of them a second, or goes to `others` |
 * | `others` | such keys are wanted too: goes to `take` within the limits |
 * | `limited` | what anybody can send: goes to `take` within the limits |
 * | `marked` | picks the further packets of a connection that has our connection mark, or lets it go |
 * | `followed`, `known` | the same by source address and port, where the mark is not used |
 * | `further` | queues such a further packet, within a limit |
 */
import type { Selector } from '../../wire/selector.js'
import { FOLLOWED_SECONDS, SEEN_SECONDS, type Family, type Ruleset } from '../ruleset.js'
import { addressType, chain, dynamicSet } from './expressions.js'
import {
  followedChain,
  furtherChain,
  knownChain,
  limitedChain,
  markedChain,
  othersChain,
  takeChain,
  undecidedChain,
} from './following.js'
import { keySet, type KeySets } from './keys.js'
import { scopeOf, type Scope } from './scope.js'
import { portChain, selectChain, selectorChains } from './selecting.js'
import { startJumps } from './start-chains.js'

/** Priority of our hooks, that of a mangle table: after connection tracking and destination NAT, before filtering. */
const PRIORITY = -150

/** Seconds for which the rate of an address's incomplete payloads is remembered. */
const HALVES_SECONDS = 10

/** Seconds for which the rate of a source's requests with other keys is remembered: until its limit is full again. */
const ASKERS_SECONDS = 60

/** Returns the contents of the table for one IP version. */
export function tableBody(ruleset: Ruleset, family: Family, keySets: KeySets): string[] {
  const { isTracked } = family
  const hooks = isTracked ? ['input', 'forward'] : ['input']
  const isPort = ruleset.selection === 'port'
  return [
    ...(isPort ? [portChain(ruleset, isTracked)] : candidateChains(scopeOf(ruleset, family, keySets))),
    ...hooks.map((hook) =>
      chain(hook, [
        `type filter hook ${hook} priority ${PRIORITY}; policy accept`,
        ...(isPort ? ['jump select'] : entries(ruleset)),
      ]),
    ),
  ]
}

/** Returns the rules that begin the base chains. Segments and datagrams do not pass each other's chains. */
function entries({ selectors }: Ruleset): string[] {
  if (selectors.every(({ transport }) => transport === 'tcp')) return ['jump select']
  return ['meta l4proto tcp jump select', 'meta l4proto udp jump datagrams']
}

/** Returns the sets and chains of the selection `prefilter`. */
function candidateChains(scope: Scope): string[] {
  const {
    byMark,
    ruleset: { selectors },
  } = scope
  return [
    ...declarations(scope),
    takeChain(scope),
    undecidedChain(scope),
    ...where(selectors, ({ wantsOthers }) => wantsOthers, othersChain(scope)),
    ...where(selectors, ({ isLimited }) => isLimited, limitedChain(scope)),
    furtherChain(scope),
    ...selectors.flatMap((selector, index) => selectorChains(scope, selector, index + 1)),
    chain('starts', startJumps(selectors, 'tcp')),
    ...where(selectors, ({ transport }) => transport === 'udp', chain('datagrams', startJumps(selectors, 'udp'))),
    ...(byMark ? [markedChain(scope)] : []),
    knownChain(scope),
    followedChain(scope),
    selectChain(scope),
  ]
}

/** Returns the counter and the sets that the chains refer to. */
function declarations({ ruleset: { selectors }, family: { version }, keySets }: Scope): string[] {
  const address = addressType(version)
  const source = `${address} . inet_service`
  return [
    ...where(selectors, ({ keys }) => keys !== 'any', 'counter unarmed { }'),
    dynamicSet('followed', source, FOLLOWED_SECONDS.armed),
    dynamicSet('seen', source, SEEN_SECONDS),
    dynamicSet('halves', address, HALVES_SECONDS),
    ...where(selectors, ({ wantsOthers }) => wantsOthers, dynamicSet('askers', address, ASKERS_SECONDS)),
    ...where(selectors, ({ isLimited }) => isLimited, dynamicSet('limited-askers', address, ASKERS_SECONDS)),
    ...(keySets === 'anonymous'
      ? []
      : selectors.flatMap((selector, index) => (selector.keys === 'any' ? [] : [keySet(index + 1, selector)]))),
  ]
}

/** Returns a declaration where there is a selector that it is for. */
function where(
  selectors: readonly Selector[],
  is: (selector: Selector) => boolean | undefined,
  text: string,
): string[] {
  return selectors.some(is) ? [text] : []
}
