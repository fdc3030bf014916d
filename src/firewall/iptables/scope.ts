import { beginsProgram } from '../bpf/selector-programs.js'
import { isFollowedByMark, letGoMark, portsOf, type Family, type Ruleset } from '../ruleset.js'
import { namesFor, startsOf, type ChainNames, type Transport } from './chains.js'
import { masked, matching, queueWriter, ruleWriter, UNTRACKED, type WriteRule } from './rule-text.js'
import { setNames, type SetNames } from './sets.js'

/** What the rules of a ruleset have in common, for one IP version. */
export interface Scope {
  readonly ruleset: Ruleset
  readonly family: Family
  readonly names: ChainNames
  readonly sets: SetNames
  readonly rule: WriteRule
  /** Writes a rule that queues what it matches. */
  readonly queued: (chain: string, match?: string) => string
  /** The ports of TCP, each once. */
  readonly ports: readonly number[]
  /** For each transport a match of every packet that may be a candidate; none where nothing is looked for. */
  readonly candidates: Readonly<Record<Transport, readonly string[]>>
  /** Whether connections are followed by a bit of their mark. Then only untracked packets are followed by source. */
  readonly byMark: boolean
  /** Matches the packets whose source is followed, or let go. */
  readonly bySource: string
  /** Matches a packet that the responder has sent through the hook once more. */
  readonly isLetGo: string
}

/** Returns what the rules of a ruleset have in common. */
export function scopeOf(ruleset: Ruleset, family: Family): Scope {
  const byMark = isFollowedByMark(family)
  return {
    ruleset,
    family,
    names: namesFor(ruleset.tag),
    sets: setNames(ruleset.tag, family.version),
    rule: ruleWriter(ruleset),
    queued: queueWriter(ruleset),
    ports: portsOf(ruleset, 'tcp'),
    candidates: { tcp: candidatesOf('tcp', ruleset, family), udp: candidatesOf('udp', ruleset, family) },
    byMark,
    bySource: byMark ? `-p tcp ${UNTRACKED}` : '-p tcp',
    isLetGo: `-m mark --mark ${masked(letGoMark(ruleset))}`,
  }
}

function candidatesOf(transport: Transport, ruleset: Ruleset, { version }: Family): string[] {
  const starts = startsOf(ruleset).flatMap(({ selector, start }) => (selector.transport === transport ? [start] : []))
  return starts.length === 0 ? [] : [matching(beginsProgram(version, transport, starts))]
}
