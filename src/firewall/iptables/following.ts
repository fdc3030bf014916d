/** The rules that queue a candidate, follow its connection, and let it go: one function for each chain. */
import { FOLLOWED_SECONDS, FURTHER_QUEUED, furtherAtOnce, INCOMPLETE_QUEUED, letGoMark } from '../ruleset.js'
import { destinations, masked, originalPort, UNTRACKED } from './rule-text.js'
import type { Scope } from './scope.js'

/** The chain of candidates with an armed key. */
export function armedRules(scope: Scope): string[] {
  const { names, queued, candidates } = scope
  return [
    ...(candidates.udp.length > 0 ? [queued(names.armed, '-p udp')] : []),
    ...takingRules(scope, names.armed, `--exist --timeout ${FOLLOWED_SECONDS.armed}`),
  ]
}

/** The chain of payloads that end before the key does. */
export function incompleteRules({ names, sets, rule, ports, bySource }: Scope): string[] {
  if (ports.length === 0) return []
  const { perAddress, inAll } = INCOMPLETE_QUEUED
  return [
    // An address is counted from its second packet on, until its element runs out.
    rule(names.incomplete, `-m set --match-set ${sets.halves} src --packets-gt ${perAddress - 1}`, '-j RETURN'),
    rule(names.incomplete, '', `-j SET --add-set ${sets.halves} src`),
    rule(names.incomplete, `${bySource} -m set --match-set ${sets.seen} src,src`, '-j RETURN'),
    rule(names.incomplete, `-m limit --limit ${inAll}/sec --limit-burst ${inAll}`, `-g ${names.undecided}`),
  ]
}

/** The chain of those that are within the limits. */
export function undecidedRules(scope: Scope): string[] {
  const { names, sets, rule, ports, bySource } = scope
  if (ports.length === 0) return []
  return [
    rule(names.undecided, bySource, `-j SET --add-set ${sets.seen} src,src`),
    ...takingRules(scope, names.undecided, `--timeout ${FOLLOWED_SECONDS.incomplete}`),
  ]
}

/**
 * Returns the rules that follow the connection, and queue the packet. Only an armed key renews the time limit
 * (`--exist`), so a forged incomplete payload cannot shorten it.
 */
function takingRules({ ruleset, sets, rule, queued, byMark, bySource }: Scope, chain: string, time: string): string[] {
  return [
    rule(chain, bySource, `-j SET --add-set ${sets.followed} src,src ${time}`),
    ...(byMark ? [queued(chain, UNTRACKED), rule(chain, '', `-j CONNMARK --set-xmark ${masked(ruleset.mark)}`)] : []),
    queued(chain),
  ]
}

/** The chain of packets with our connection mark. */
export function byMarkRules({ names, rule, ports, byMark, isLetGo }: Scope): string[] {
  if (!byMark || ports.length === 0) return []
  return [
    rule(names.byMark, isLetGo, `-g ${names.letGo}`),
    ...ports.map((port) => rule(names.byMark, originalPort('tcp', port), `-g ${names.further}`)),
  ]
}

/** The chain of packets whose source may be followed; where the mark is not used, of those whose source is followed. */
export function byAddressRules(scope: Scope): string[] {
  const { names, rule, ports, candidates, byMark, isLetGo } = scope
  if (ports.length === 0) return []
  return [
    rule(names.byAddress, isLetGo, `-g ${names.letGo}`),
    ...(byMark
      ? followedMatches(scope).map((isFollowed) => rule(names.byAddress, isFollowed, `-g ${names.further}`))
      : [
          // A candidate with an armed key renews the time limit.
          ...candidates.tcp.map((mayBe) => rule(names.byAddress, mayBe, `-j ${names.candidates}`)),
          rule(names.byAddress, '', `-g ${names.further}`),
        ]),
  ]
}

/** Returns matches of the packets whose source is followed. */
export function followedMatches({ family, sets, ports, byMark }: Scope): string[] {
  const isFollowed = `-m set --match-set ${sets.followed} src,src`
  return ports
    .flatMap((port) => (byMark ? [`-p tcp --dport ${port}`] : destinations('tcp', port, family.isTracked)))
    .map((destination) => `${destination} ${isFollowed}`)
}

/** The chain of further packets. */
export function furtherRules({ ruleset, names, queued, ports }: Scope): string[] {
  if (ports.length === 0) return []
  const limit = `-m limit --limit ${FURTHER_QUEUED.perSecond}/sec --limit-burst ${furtherAtOnce(ruleset)}`
  return [queued(names.further, limit)]
}

/** The chain that lets a connection go. */
export function letGoRules({ ruleset, names, sets, rule, ports, byMark, bySource }: Scope): string[] {
  const clear = (bit: number) => `--set-xmark 0x0/0x${bit.toString(16)}`
  return [
    ...(ports.length > 0 ? [rule(names.letGo, bySource, `-j SET --del-set ${sets.followed} src,src`)] : []),
    ...(byMark ? [rule(names.letGo, '', `-j CONNMARK ${clear(ruleset.mark)}`)] : []),
    rule(names.letGo, '', `-j MARK ${clear(letGoMark(ruleset))}`),
  ]
}
