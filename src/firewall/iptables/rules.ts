/** The rules of a ruleset as lines of iptables-save, and those that select: one function for each chain. */
import type { Program } from '../bpf/program.js'
import {
  COMPARED_KEY_LENGTH,
  differsProgram,
  keyProgram,
  KEYS_A_PROGRAM,
  reachesProgram,
  wholeProgram,
} from '../bpf/selector-programs.js'
import { LIMITED_QUEUED, OTHERS_QUEUED, portsOf, UNARMED_QUEUED, type Family, type Ruleset } from '../ruleset.js'
import { namesFor, startsOf, transportsOf, type PlacedStart } from './chains.js'
import {
  armedRules,
  byAddressRules,
  byMarkRules,
  followedMatches,
  furtherRules,
  incompleteRules,
  letGoRules,
  undecidedRules,
} from './following.js'
import { destinations, masked, matching, originalPort, queueWriter, ruleWriter, UNTRACKED } from './rule-text.js'
import { scopeOf, type Scope } from './scope.js'

/** Returns all rules of our chains. A jump to a chain of its own has no comment: that chain's name says whose it is. */
export function rulesOf(ruleset: Ruleset, family: Family): string[] {
  if (ruleset.selection === 'port') return portRules(ruleset, family)
  const scope = scopeOf(ruleset, family)
  return [
    entryRules,
    datagramRules,
    candidateRules,
    startRules,
    armedRules,
    incompleteRules,
    undecidedRules,
    unarmedRules,
    limitedRules,
    byMarkRules,
    byAddressRules,
    furtherRules,
    letGoRules,
  ].flatMap((rulesOfChain) => rulesOfChain(scope))
}

/**
 * The chain that every TCP packet passes. It therefore has few rules and looks at no port: what these rules match is
 * rare, and the port is compared afterwards.
 */
function entryRules(scope: Scope): string[] {
  const { ruleset, names, rule, ports, candidates, byMark } = scope
  const toCandidates = candidates.tcp.map((mayBe) => rule(names.entry, mayBe, `-j ${names.candidates}`))
  if (ports.length === 0) return toCandidates
  if (byMark)
    return [
      rule(names.entry, `-m connmark --mark ${masked(ruleset.mark)}`, `-g ${names.byMark}`),
      ...toCandidates,
      rule(names.entry, UNTRACKED, `-j ${names.byAddress}`),
    ]
  // Followed sources come first: their further packets may look like candidates too.
  return [
    ...followedMatches(scope).map((isFollowed) => rule(names.entry, isFollowed, `-g ${names.byAddress}`)),
    ...toCandidates,
  ]
}

/** The chain that every UDP packet passes. */
function datagramRules({ names, rule, candidates }: Scope): string[] {
  return candidates.udp.map((mayBe) => rule(names.datagrams, mayBe, `-j ${names.candidates}`))
}

/** The chain that looks at the port of what may be a candidate. */
function candidateRules({ ruleset, family, names, rule }: Scope): string[] {
  return startsOf(ruleset).flatMap(({ selector: { transport, ports }, place }) =>
    ports
      .flatMap((port) => destinations(transport, port, family.isTracked))
      .map((destination) => rule(names.candidates, destination, `-j ${names.start(place)}`)),
  )
}

/** The chains that compare a whole start, and the key after it. */
function startRules({ ruleset, family, names, rule }: Scope): string[] {
  return startsOf(ruleset).flatMap(({ selector, start, place }: PlacedStart) => {
    const { version } = family
    const { transport, keys, keyMask, isLimited, contains } = selector
    const one = (condition: Program | string, target: string) =>
      rule(names.start(place), typeof condition === 'string' ? condition : matching(condition), target)
    const onward = `-g ${isLimited ? names.limited : names.armed}`
    return [
      one(differsProgram(version, transport, start), '-j RETURN'),
      ...(contains
        ? [
            one(`-m string --algo kmp --string ${contains.text}`, onward),
            one(wholeProgram(version, transport, contains.lengths), '-j RETURN'),
          ]
        : keys === 'any'
          ? [one(reachesProgram(version, transport, start, 0), onward)]
          : [
              ...inPieces(keys, KEYS_A_PROGRAM).map((piece) =>
                one(keyProgram(version, transport, start, piece, keyMask), `-g ${names.armed}`),
              ),
              one(reachesProgram(version, transport, start, COMPARED_KEY_LENGTH), `-g ${names.unarmed}`),
            ]),
      // A TCP payload may be continued in the next segment. A datagram is complete.
      ...(transport === 'tcp' ? [one('', `-g ${names.incomplete}`)] : []),
    ]
  })
}

/** Cuts a list into lists of at most `length` items. */
function inPieces<Item>(items: readonly Item[], length: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / length) }, (_, piece) =>
    items.slice(piece * length, (piece + 1) * length),
  )
}

/** The chain of candidates with a key that is not armed. */
function unarmedRules(scope: Scope): string[] {
  const { ruleset, names, sets, rule, queued, isLetGo } = scope
  if (ruleset.selectors.every(({ keys }) => keys === 'any')) return []
  return [
    // A copy that was queued before passes here again, with the mark that lets its connection go.
    rule(names.unarmed, isLetGo, `-g ${names.letGo}`),
    rule(names.unarmed, '', ''),
    ...(ruleset.selectors.some(({ wantsOthers }) => wantsOthers)
      ? withinLimits(scope, names.unarmed, sets.askers, OTHERS_QUEUED)
      : [queued(names.unarmed, `-m limit --limit ${UNARMED_QUEUED}/sec --limit-burst ${UNARMED_QUEUED}`)]),
  ]
}

/** The chain of candidates of a kind that anybody can send. */
function limitedRules(scope: Scope): string[] {
  const { ruleset, names, sets, rule, isLetGo } = scope
  if (!ruleset.selectors.some((selector) => selector.isLimited)) return []
  return [
    rule(names.limited, isLetGo, `-g ${names.letGo}`),
    ...withinLimits(scope, names.limited, sets.limited, LIMITED_QUEUED),
  ]
}

/**
 * Returns the rules of a chain that queue what is within limits. The limit of a source is a count in so many seconds
 * that it comes to the same.
 */
function withinLimits(
  { names, rule }: Scope,
  chain: string,
  askers: string,
  { perSource, inAll }: typeof OTHERS_QUEUED | typeof LIMITED_QUEUED,
): string[] {
  return [
    rule(chain, `-m set --match-set ${askers} src --packets-gt ${perSource.atOnce - 1}`, '-j RETURN'),
    rule(chain, '', `-j SET --add-set ${askers} src`),
    rule(chain, `-m limit --limit ${inAll.perSecond}/sec --limit-burst ${inAll.atOnce}`, `-g ${names.armed}`),
  ]
}

/** Returns the rules of the selection `port`: they queue all traffic of the ports. */
function portRules(ruleset: Ruleset, { isTracked }: Family): string[] {
  const [names, rule, queued] = [namesFor(ruleset.tag), ruleWriter(ruleset), queueWriter(ruleset)]
  return transportsOf(ruleset).flatMap((transport) => {
    const entry = transport === 'tcp' ? names.entry : names.datagrams
    const ports = portsOf(ruleset, transport)
    if (!isTracked) return ports.map((port) => queued(entry, `-p ${transport} --dport ${port}`))
    return [
      rule(entry, '', `-j ${names.byMark}`),
      rule(entry, UNTRACKED, `-j ${names.byAddress}`),
      ...ports.flatMap((port) => [
        queued(names.byMark, originalPort(transport, port)),
        queued(names.byAddress, `-p ${transport} --dport ${port}`),
      ]),
    ]
  })
}
