import type { Selector } from '../../wire/selector.js'
import { isFollowedByMark, letGoMark, portsOf, type Family, type Ruleset } from '../ruleset.js'
import { isMarked, queueStatement, sourceAddress, withoutMark } from './expressions.js'
import type { KeySets } from './keys.js'
import { gate } from './start-chains.js'

/** What the chains of a table have in common. */
export interface Scope {
  readonly ruleset: Ruleset
  readonly family: Family
  readonly keySets: KeySets
  /** Whether connections are followed by a bit of their mark. Then only untracked packets are followed by source. */
  readonly byMark: boolean
  /** The ports of TCP, each once. */
  readonly ports: readonly number[]
  /** The source address, and with the port. */
  readonly address: string
  readonly source: string
  /** Queues the packet. */
  readonly toQueue: string
  /** A packet that the responder has sent through the hook once more has the let-go mark: matches it, and clears it. */
  readonly isLetGo: string
  readonly unmark: string
  /** Rules that send segments to the chain `starts`, one for each selector: most packets match none. */
  readonly toStarts: readonly string[]
}

/** Returns what the chains of a table have in common. */
export function scopeOf(ruleset: Ruleset, family: Family, keySets: KeySets): Scope {
  const address = sourceAddress(family.version)
  return {
    ruleset,
    family,
    keySets,
    byMark: isFollowedByMark(family),
    ports: portsOf(ruleset, 'tcp'),
    address,
    source: `${address} . tcp sport`,
    toQueue: queueStatement(ruleset.queue),
    isLetGo: isMarked(letGoMark(ruleset)),
    unmark: withoutMark(letGoMark(ruleset)),
    toStarts: gatesOf(ruleset.selectors).map((begins) => `${begins} jump starts`),
  }
}

function gatesOf(selectors: readonly Selector[]): string[] {
  return [...new Set(selectors.flatMap(({ transport, starts }) => (transport === 'tcp' ? [gate(starts)] : [])))]
}
