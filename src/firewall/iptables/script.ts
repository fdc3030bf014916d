/**
 * Turns a ruleset into text for iptables-restore(8): chains of our own in the mangle table, with the tag in each name.
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
 *
 * Every TCP packet passes the first chain. That chain therefore has few rules and looks at no port: what these rules
 * match is rare, and the port is compared afterwards. iptables evaluates the matches of a rule from left to right. The
 * comment is a match too, so it stands last. A jump has no comment, because the name of its chain says whose it is.
 */
import type { SetKind } from '../../kernel/ip-sets.js'
import type { Selector, Start } from '../../wire/selector.js'
import { toBytecode, type Program } from '../bpf/program.js'
import {
  beginsProgram,
  COMPARED_KEY_LENGTH,
  differsProgram,
  keyProgram,
  KEYS_A_PROGRAM,
  reachesProgram,
  wholeProgram,
} from '../bpf/selector-programs.js'
import {
  FOLLOWED_SECONDS,
  FURTHER_QUEUED,
  furtherAtOnce,
  INCOMPLETE_QUEUED,
  isFollowedByMark,
  letGoMark,
  LIMITED_QUEUED,
  LONGEST_QUEUED,
  OTHERS_QUEUED,
  portsOf,
  SEEN_SECONDS,
  SOURCE_BITS,
  UNARMED_QUEUED,
  type Family,
  type Ruleset,
} from '../ruleset.js'
import type { IpVersion } from '../../wire/ip.js'

type Transport = Selector['transport']

/** Returns the names of the ip_sets that the rules of a tag refer to, of at most 31 bytes. */
function setNames(tag: string, version: IpVersion) {
  const name = `certbot-nfq-${tag}-${version}`
  return {
    /** Sources (address and port) that are followed, where the connection mark is not used. */
    followed: name,
    /** Sources whose incomplete payload was queued a short time ago. */
    seen: `${name}s`,
    /** Addresses of incomplete payloads, each with a count of the last second. */
    halves: `${name}h`,
    /** Sources of requests with other keys than the armed ones, each with a count. */
    askers: `${name}a`,
    /** Sources of what anybody can send, each with a count. */
    limited: `${name}t`,
  }
}

/**
 * Returns the ip_sets that the rules of a tag refer to. They have to exist before the rules. `selectors` are those of
 * the rules; by default all sets that there may be are returned.
 */
export function setsFor(
  tag: string,
  version: IpVersion,
  selectors: readonly Pick<Selector, 'wantsOthers' | 'isLimited'>[] = [{ wantsOthers: true, isLimited: true }],
): { readonly name: string; readonly kind: SetKind }[] {
  const { followed, seen, halves, askers, limited } = setNames(tag, version)
  const { perSecond, atOnce } = OTHERS_QUEUED.perSource
  const kind: SetKind = { of: 'address', seconds: atOnce / perSecond, ...(version === 6 && { bits: SOURCE_BITS }) }
  return [
    { name: followed, kind: { of: 'address and port', seconds: FOLLOWED_SECONDS.incomplete } },
    { name: seen, kind: { of: 'address and port', seconds: SEEN_SECONDS } },
    { name: halves, kind: { of: 'address', seconds: 1 } },
    ...(selectors.some(({ wantsOthers }) => wantsOthers) ? [{ name: askers, kind }] : []),
    ...(selectors.some(({ isLimited }) => isLimited) ? [{ name: limited, kind }] : []),
  ]
}

/** Returns the name of the chain that INPUT and FORWARD jump to. */
export function chainName(tag: string): string {
  return `CERTBOT-NFQ-${tag}`
}

/**
 * Returns the script that installs a ruleset, whatever our chains held before. `saved` is the output of iptables-save
 * at this moment: a jump of ours that is in it stays where it is, or moves to the top if a rule of another program
 * stands before it.
 */
export function installScript(ruleset: Ruleset, family: Family, saved = ''): string {
  const lines = mangleLines(saved)
  const names = chainNames(ruleset)
  const stale = chainsIn(lines, ruleset.tag).filter((name) => !names.includes(name))
  return table([
    ...names.map((name) => `:${name} - [0:0]`),
    ...jumps(ruleset, family).flatMap(({ hook, rule, target }) => {
      const place = placeOfJump(lines, hook, target)
      if (place === 'first') return []
      return [...(place === 'later' ? [`-D ${hook} ${rule}`] : []), `-I ${hook} 1 ${rule}`]
    }),
    ...rulesOf(ruleset, family),
    // A ruleset without datagrams leaves a jump behind.
    ...hookChains(family).flatMap((hook) =>
      lines.filter((line) => line.startsWith(`-A ${hook} `) && stale.includes(targetOf(line))).map(deletionOf),
    ),
    ...stale.flatMap((name) => [`-F ${name}`, `-X ${name}`]),
  ])
}

/** Returns the chain that a rule jumps to, in a line of iptables-save; '' for none. */
function targetOf(line: string): string {
  return / -j (\S+)$/.exec(line)?.[1] ?? ''
}

/** Returns what removes the rule of a line of iptables-save. */
function deletionOf(line: string): string {
  return line.replace(/^-A/, '-D')
}

/**
 * Returns the script that fills the chains of an installed ruleset again, and moves our jumps to the top of INPUT and
 * FORWARD. The counter of unarmed requests is kept. iptables-restore refuses the script as a whole when another program
 * has removed one of our chains or jumps.
 */
export function changeScript(ruleset: Ruleset, family: Family): string {
  const { unarmed } = namesFor(ruleset.tag)
  return table([
    ...jumps(ruleset, family).flatMap(({ hook, rule }) => [`-D ${hook} ${rule}`, `-I ${hook} 1 ${rule}`]),
    ...chainNames(ruleset)
      .filter((name) => name !== unarmed)
      .map((name) => `-F ${name}`),
    ...rulesOf(ruleset, family).filter((rule) => !rule.startsWith(`-A ${unarmed} `)),
  ])
}

/** Returns the counter of unarmed requests in the output of `iptables-save -c`; 0 if it is not there. */
export function unarmedIn(saved: string, tag: string): number {
  const [, count] =
    new RegExp(`^\\[(\\d+):\\d+\\] -A ${namesFor(tag).unarmed} ${commentFor(tag)}$`, 'm').exec(saved) ?? []
  return Number(count ?? 0)
}

/**
 * Returns the script that removes what `installScript` installed, and the built-in chains in `newChains`.
 * iptables-restore refuses the script as a whole when another program has changed any of that.
 */
export function undoScript(ruleset: Ruleset, family: Family, newChains: readonly string[]): string {
  const names = chainNames(ruleset)
  return table([
    ...jumps(ruleset, family).map(({ hook, rule }) => `-D ${hook} ${rule}`),
    ...names.map((name) => `-F ${name}`),
    ...[...names, ...newChains].map((name) => `-X ${name}`),
  ])
}

/**
 * Returns the script that removes every rule that refers to a chain of this tag, then the chains. `saved` is the output
 * of iptables-save. Returns `undefined` when it has no such rule or chain.
 */
export function removeScript(saved: string, tag: string): string | undefined {
  const isOurs = (name = '') => tagOf(name) === tag
  const lines = mangleLines(saved)
  // A word in quotes, such as the comment of another program's rule, may contain blanks and `-j`.
  const words = lines.map((line): string[] => line.match(/"(?:\\.|[^"\\])*"|\S+/g) ?? [])
  const chains = chainsIn(lines, tag)
  const jumps = words.filter(
    (line) =>
      line[0] === '-A' && !isOurs(line[1]) && line.some((word, at) => /^-[jg]$/.test(word) && isOurs(line[at + 1])),
  )
  if (chains.length === 0 && jumps.length === 0) return undefined
  return table([
    ...jumps.map(([, ...rule]) => `-D ${rule.join(' ')}`),
    ...chains.map((name) => `-F ${name}`),
    ...chains.map((name) => `-X ${name}`),
  ])
}

/**
 * Returns whether the output of iptables-save has every jump to our chains, before the rules of other programs, and the
 * right number of rules in each chain.
 */
export function holdsRuleset(saved: string, ruleset: Ruleset, family: Family): boolean {
  const lines = mangleLines(saved)
  const expected = rulesOf(ruleset, family)
  const rules = (text: readonly string[], name: string) => text.filter((line) => line.startsWith(`-A ${name} `)).length
  return (
    jumps(ruleset, family).every(({ hook, target }) => placeOfJump(lines, hook, target) === 'first') &&
    chainNames(ruleset).every((name) => rules(lines, name) === rules(expected, name))
  )
}

/** Returns the tag in the name of one of our chains; `undefined` for every other name. */
export function tagOf(chain: string): string | undefined {
  return /^CERTBOT-NFQ-(.+?)(?:-[A-Z]|-\d+)?$/.exec(chain)?.[1]
}

/** Returns the names of this tag's chains, from the lines `:NAME POLICY [PACKETS:BYTES]` of iptables-save. */
function chainsIn(lines: readonly string[], tag: string): string[] {
  return lines.flatMap((line) => /^:(\S+)/.exec(line)?.[1] ?? []).filter((name) => tagOf(name) === tag)
}

/**
 * Returns where a built-in chain jumps to this chain of ours, in lines of iptables-save: `first` if all rules before it
 * are jumps of responders too, `later` if another program has a rule before it, which may accept the packets;
 * `undefined` if it does not jump there.
 */
function placeOfJump(lines: readonly string[], hook: string, target: string): 'first' | 'later' | undefined {
  const targets = lines.filter((line) => line.startsWith(`-A ${hook} `)).map(targetOf)
  const at = targets.indexOf(target)
  if (at < 0) return undefined
  return targets.slice(0, at).every((name) => tagOf(name) !== undefined) ? 'first' : 'later'
}

/**
 * Returns the built-in chains of mangle that jump to ours. FORWARD is needed for containers behind a DNAT, and there is
 * no NAT without connection tracking.
 */
export function hookChains({ isTracked }: Family): string[] {
  return isTracked ? ['INPUT', 'FORWARD'] : ['INPUT']
}

/** Returns the jumps from the built-in chains of mangle to ours. */
function jumps(ruleset: Ruleset, family: Family): { hook: string; rule: string; target: string }[] {
  const { entry, datagrams } = namesFor(ruleset.tag)
  return transportsOf(ruleset).flatMap((transport) => {
    const target = transport === 'tcp' ? entry : datagrams
    return hookChains(family).map((hook) => ({ hook, rule: `-p ${transport} -j ${target}`, target }))
  })
}

function transportsOf({ selectors }: Ruleset): Transport[] {
  return (['tcp', 'udp'] as const).filter((transport) => selectors.some((selector) => selector.transport === transport))
}

function namesFor(tag: string) {
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
function chainNames(ruleset: Ruleset): readonly string[] {
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

interface PlacedStart {
  readonly selector: Selector
  readonly start: Start
  /** Number of the start, from 1 on; the starts of all selectors are counted together. */
  readonly place: number
}

function startsOf({ selectors }: Ruleset): PlacedStart[] {
  return selectors
    .flatMap((selector) => selector.starts.map((start) => ({ selector, start })))
    .map((placed, index) => ({ ...placed, place: index + 1 }))
}

function rulesOf(ruleset: Ruleset, family: Family): string[] {
  return ruleset.selection === 'port' ? portRules(ruleset, family) : candidateRules(ruleset, family)
}

function candidateRules(ruleset: Ruleset, family: Family): string[] {
  const { version, isTracked } = family
  const byMark = isFollowedByMark(family)
  const { tag, mark } = ruleset
  const names = namesFor(tag)
  const comment = commentFor(tag)
  const bit = masked(mark)
  const toQueue = queueTarget(ruleset)
  const sets = setNames(tag, version)
  const ports = portsOf(ruleset, 'tcp')
  const [toTcp, toUdp] = (['tcp', 'udp'] as const).map((transport) => {
    const starts = startsOf(ruleset).filter(({ selector }) => selector.transport === transport)
    const program = beginsProgram(
      version,
      transport,
      starts.map(({ start }) => start),
    )
    return starts.length === 0 ? [] : [matching(program)]
  })
  // Where the mark is used, only untracked packets are followed by their source.
  const bySource = byMark ? `-p tcp ${UNTRACKED}` : '-p tcp'
  const followed = ports.flatMap((port) =>
    (byMark ? [`-p tcp --dport ${port}`] : destinations('tcp', port, isTracked)).map(
      (destination) => `${destination} -m set --match-set ${sets.followed} src,src`,
    ),
  )
  const isLetGo = `-m mark --mark ${masked(letGoMark(ruleset))} ${comment} -g ${names.letGo}`
  // The rules that follow the connection, and queue the packet. Only an armed key renews the time limit (`--exist`), so
  // a forged incomplete payload cannot shorten it.
  const taken = (name: string, renewal: string) => [
    `-A ${name} ${bySource} ${comment} -j SET --add-set ${sets.followed} src,src ${renewal}`,
    ...(byMark ? [`-A ${name} ${UNTRACKED} ${toQueue}`, `-A ${name} ${comment} -j CONNMARK --set-xmark ${bit}`] : []),
    `-A ${name} ${toQueue}`,
  ]
  const { perAddress, inAll } = INCOMPLETE_QUEUED
  return [
    ...(byMark && ports.length > 0
      ? [`-A ${names.entry} -m connmark --mark ${bit} ${comment} -g ${names.byMark}`]
      : []),
    // Followed sources come first: their further packets may look like candidates too.
    ...(byMark ? [] : followed.map((isFollowed) => `-A ${names.entry} ${isFollowed} ${comment} -g ${names.byAddress}`)),
    ...(toTcp ?? []).map((begins) => `-A ${names.entry} ${begins} ${comment} -j ${names.candidates}`),
    ...(byMark && ports.length > 0 ? [`-A ${names.entry} ${UNTRACKED} ${comment} -j ${names.byAddress}`] : []),
    ...(toUdp ?? []).map((begins) => `-A ${names.datagrams} ${begins} ${comment} -j ${names.candidates}`),
    ...startsOf(ruleset).flatMap(({ selector: { transport, ports }, place }) =>
      ports.flatMap((port) =>
        destinations(transport, port, isTracked).map(
          (destination) => `-A ${names.candidates} ${destination} ${comment} -j ${names.start(place)}`,
        ),
      ),
    ),
    ...startsOf(ruleset).flatMap((placed) => startRules(placed, version, tag)),
    ...(toUdp?.length ? [`-A ${names.armed} -p udp ${toQueue}`] : []),
    ...taken(names.armed, `--exist --timeout ${FOLLOWED_SECONDS.armed}`),
    ...(ports.length > 0
      ? [
          // An address is counted from its second packet on, until its element runs out.
          `-A ${names.incomplete} -m set --match-set ${sets.halves} src --packets-gt ${perAddress - 1} ${comment} -j RETURN`,
          `-A ${names.incomplete} ${comment} -j SET --add-set ${sets.halves} src`,
          `-A ${names.incomplete} ${bySource} -m set --match-set ${sets.seen} src,src ${comment} -j RETURN`,
          `-A ${names.incomplete} -m limit --limit ${inAll}/sec --limit-burst ${inAll} ${comment} -g ${names.undecided}`,
          `-A ${names.undecided} ${bySource} ${comment} -j SET --add-set ${sets.seen} src,src`,
          ...taken(names.undecided, `--timeout ${FOLLOWED_SECONDS.incomplete}`),
        ]
      : []),
    ...(ruleset.selectors.some(({ keys }) => keys !== 'any')
      ? [
          // A copy that was queued before passes here again, with the mark that lets its connection go.
          `-A ${names.unarmed} ${isLetGo}`,
          // A rule without a target only counts.
          `-A ${names.unarmed} ${comment}`,
          ...(ruleset.selectors.some(({ wantsOthers }) => wantsOthers)
            ? limitRules(names.unarmed, names.armed, sets.askers, OTHERS_QUEUED, comment)
            : [
                `-A ${names.unarmed} -m limit --limit ${UNARMED_QUEUED}/sec --limit-burst ${UNARMED_QUEUED} ${toQueue}`,
              ]),
        ]
      : []),
    ...(ruleset.selectors.some((selector) => selector.isLimited)
      ? [
          `-A ${names.limited} ${isLetGo}`,
          ...limitRules(names.limited, names.armed, sets.limited, LIMITED_QUEUED, comment),
        ]
      : []),
    ...(ports.length === 0
      ? []
      : [
          ...(byMark
            ? [
                `-A ${names.byMark} ${isLetGo}`,
                ...ports.map(
                  (port) => `-A ${names.byMark} ${originalPort('tcp', port)} ${comment} -g ${names.further}`,
                ),
              ]
            : []),
          `-A ${names.byAddress} ${isLetGo}`,
          ...(byMark
            ? followed.map((isFollowed) => `-A ${names.byAddress} ${isFollowed} ${comment} -g ${names.further}`)
            : [
                // A candidate with an armed key renews the time limit.
                ...(toTcp ?? []).map((begins) => `-A ${names.byAddress} ${begins} ${comment} -j ${names.candidates}`),
                `-A ${names.byAddress} ${comment} -g ${names.further}`,
              ]),
          `-A ${names.further} -m limit --limit ${FURTHER_QUEUED.perSecond}/sec --limit-burst ${furtherAtOnce(ruleset)} ${toQueue}`,
          `-A ${names.letGo} ${bySource} ${comment} -j SET --del-set ${sets.followed} src,src`,
        ]),
    ...(byMark ? [`-A ${names.letGo} ${comment} -j CONNMARK --set-xmark 0x0/0x${mark.toString(16)}`] : []),
    `-A ${names.letGo} ${comment} -j MARK --set-xmark 0x0/0x${letGoMark(ruleset).toString(16)}`,
  ]
}

/**
 * Returns the rules of a chain that go on to another within limits. The limit of a source is a count in so many seconds
 * that it comes to the same.
 */
function limitRules(
  name: string,
  onward: string,
  askers: string,
  { perSource, inAll }: typeof OTHERS_QUEUED | typeof LIMITED_QUEUED,
  comment: string,
): string[] {
  return [
    `-A ${name} -m set --match-set ${askers} src --packets-gt ${perSource.atOnce - 1} ${comment} -j RETURN`,
    `-A ${name} ${comment} -j SET --add-set ${askers} src`,
    `-A ${name} -m limit --limit ${inAll.perSecond}/sec --limit-burst ${inAll.atOnce} ${comment} -g ${onward}`,
  ]
}

/** Returns the rules that compare the whole start and the key after it. */
function startRules({ selector, start, place }: PlacedStart, version: IpVersion, tag: string): string[] {
  const names = namesFor(tag)
  const { transport, keys, keyMask, isLimited, contains } = selector
  const rule = (condition: Program | string | undefined, target: string) =>
    [
      `-A ${names.start(place)}`,
      ...(condition ? [typeof condition === 'string' ? condition : matching(condition)] : []),
      commentFor(tag),
      target,
    ].join(' ')
  const onward = `-g ${isLimited ? names.limited : names.armed}`
  return [
    rule(differsProgram(version, transport, start), '-j RETURN'),
    ...(contains
      ? [
          rule(`-m string --algo kmp --string ${contains.text}`, onward),
          rule(wholeProgram(version, transport, contains.lengths), '-j RETURN'),
        ]
      : keys === 'any'
        ? [rule(reachesProgram(version, transport, start, 0), onward)]
        : [
            ...inPieces(keys, KEYS_A_PROGRAM).map((piece) =>
              rule(keyProgram(version, transport, start, piece, keyMask), `-g ${names.armed}`),
            ),
            rule(reachesProgram(version, transport, start, COMPARED_KEY_LENGTH), `-g ${names.unarmed}`),
          ]),
    // A TCP payload may be continued in the next segment. A datagram is complete.
    ...(transport === 'tcp' ? [rule(undefined, `-g ${names.incomplete}`)] : []),
  ]
}

/** Cuts a list into lists of at most `length` items. */
function inPieces<Item>(items: readonly Item[], length: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / length) }, (_, piece) =>
    items.slice(piece * length, (piece + 1) * length),
  )
}

/** Returns the rules of the selection `port`: they queue all traffic of the ports. */
function portRules(ruleset: Ruleset, { isTracked }: Family): string[] {
  const names = namesFor(ruleset.tag)
  const comment = commentFor(ruleset.tag)
  const toQueue = queueTarget(ruleset)
  return transportsOf(ruleset).flatMap((transport) => {
    const entry = transport === 'tcp' ? names.entry : names.datagrams
    const ports = portsOf(ruleset, transport)
    if (!isTracked) return ports.map((port) => `-A ${entry} -p ${transport} --dport ${port} ${toQueue}`)
    return [
      `-A ${entry} ${comment} -j ${names.byMark}`,
      `-A ${entry} ${UNTRACKED} ${comment} -j ${names.byAddress}`,
      ...ports.flatMap((port) => [
        `-A ${names.byMark} ${originalPort(transport, port)} ${toQueue}`,
        `-A ${names.byAddress} -p ${transport} --dport ${port} ${toQueue}`,
      ]),
    ]
  })
}

/** Matches packets that a rule of the raw table exempts from tracking. They have no original port, and no NAT. */
const UNTRACKED = '-m conntrack --ctstate UNTRACKED'

/** Returns a match of the port for tracked packets, and one for untracked packets. */
function destinations(transport: Transport, port: number, isTracked: boolean): string[] {
  const plain = `-p ${transport} --dport ${port}`
  return isTracked ? [originalPort(transport, port), `${plain} ${UNTRACKED}`] : [plain]
}

/** Returns a match of the port that the client connected to, before any DNAT. */
function originalPort(transport: Transport, port: number): string {
  return `-p ${transport} -m conntrack --ctorigdstport ${port} --ctdir ORIGINAL`
}

function matching(program: Program): string {
  return `-m bpf --bytecode "${toBytecode(program)}"`
}

/** Returns the end of a rule that queues packets of up to {@link LONGEST_QUEUED} bytes. */
function queueTarget({ queue, tag }: Ruleset): string {
  return `-m length --length 0:${LONGEST_QUEUED} ${commentFor(tag)} -j NFQUEUE --queue-num ${queue} --queue-bypass`
}

/** Returns `VALUE/MASK` that matches, or sets, the bits of `mark` and leaves the others alone. */
function masked(mark: number): string {
  return `0x${mark.toString(16)}/0x${mark.toString(16)}`
}

function commentFor(tag: string): string {
  return `-m comment --comment certbot-nfq-${tag}`
}

function table(lines: readonly string[]): string {
  return ['*mangle', ...lines, 'COMMIT', ''].join('\n')
}

/** Returns the lines of the mangle table. iptables-save prints one table after the other, from `*NAME` to `COMMIT`. */
function mangleLines(saved: string): string[] {
  const lines = saved.split('\n')
  const from = lines.indexOf('*mangle')
  // With `-c`, each rule begins with its counters: `[PACKETS:BYTES]`.
  return from < 0
    ? []
    : lines.slice(from + 1, lines.indexOf('COMMIT', from)).map((line) => line.replace(/^\[\d+:\d+\] /, ''))
}
