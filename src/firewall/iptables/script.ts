/**
 * A ruleset as text for iptables-restore(8). Chains of our own in the mangle table, named by the tag. INPUT (a local
 * server) and FORWARD (a container, by DNAT) jump to the first with TCP, and to `…-D` with datagrams. What may be a
 * candidate goes to `…-C`, which looks at the port, and from there to a chain for each start, `…-1` and so on, which
 * compares all of it. That ends in `…-A`: the key is armed; `…-I`: the payload ends too early to tell; or `…-N`: nobody
 * has armed it. `…-Q` queues what a connection carries further, found by the connection mark, and `…-R` does so by
 * source address for what is not tracked. `…-L` lets a connection go: the packet that shows that it is nothing to us
 * comes once more, with a mark, and goes on.
 *
 * Each TCP packet passes the first chain, so that has no rule it can do without: what it finds is rare, and the port is
 * only looked at then. Comments stand last in a rule, for each match costs; the jumps have none, as they name our
 * chain.
 */
import type { Selector, Start } from '../../wire/selector.js'
import { toBytecode, type Program } from '../bpf/program.js'
import {
  beginsProgram,
  COMPARED_KEY_LENGTH,
  differsProgram,
  keyProgram,
  KEYS_A_PROGRAM,
  reachesProgram,
} from '../bpf/selector-programs.js'
import { FOLLOWED_SECONDS, letGoMark, LONGEST_QUEUED, portsOf, UNARMED_QUEUED, type Ruleset } from '../ruleset.js'
import type { IpVersion } from '../../wire/ip.js'

type Transport = Selector['transport']

/** Name of the set of what is followed without connection tracking, which has to be there before rules that name it. */
export function followedSet(tag: string, version: IpVersion): string {
  return `certbot-nfq-${tag}-${version}`
}

/** Name of the chain that INPUT and FORWARD jump to. */
export function chainName(tag: string): string {
  return `CERTBOT-NFQ-${tag}`
}

/**
 * Text that makes the chains hold the ruleset, whatever they held, and mangle's own jump to them; the jumps that
 * `saved`, what iptables-save printed, has already stay where they are.
 */
export function installScript(ruleset: Ruleset, version: IpVersion, isTracked: boolean, saved = ''): string {
  const lines = mangleLines(saved)
  const names = chainNames(ruleset)
  const stale = chainsIn(lines, ruleset.tag).filter((name) => !names.includes(name))
  return table([
    ...names.map((name) => `:${name} - [0:0]`),
    ...jumps(ruleset, isTracked).flatMap(({ hook, rule, target }) =>
      hasJump(lines, hook, target) ? [] : [`-I ${hook} 1 ${rule}`],
    ),
    ...rulesOf(ruleset, version, isTracked),
    ...stale.flatMap((name) => [`-F ${name}`, `-X ${name}`]),
  ])
}

/**
 * Text that fills the chains anew and puts the jumps to them first, over what `installScript` has put there; fails as a
 * whole, changing nothing, when another program has taken any chain or jump away. What was counted stays.
 */
export function changeScript(ruleset: Ruleset, version: IpVersion, isTracked: boolean): string {
  const { unarmed } = namesFor(ruleset.tag)
  return table([
    ...jumps(ruleset, isTracked).flatMap(({ hook, rule }) => [`-D ${hook} ${rule}`, `-I ${hook} 1 ${rule}`]),
    ...chainNames(ruleset)
      .filter((name) => name !== unarmed)
      .map((name) => `-F ${name}`),
    ...rulesOf(ruleset, version, isTracked).filter((rule) => !rule.startsWith(`-A ${unarmed} `)),
  ])
}

/** What iptables-save counted of requests with keys that nobody has armed. */
export function unarmedIn(saved: string, tag: string): number {
  const [, count] =
    new RegExp(`^\\[(\\d+):\\d+\\] -A ${namesFor(tag).unarmed} ${commentFor(tag)}$`, 'm').exec(saved) ?? []
  return Number(count ?? 0)
}

/**
 * Text that takes away what `installScript` has put there, and the built-in `newChains` with it; fails as a whole,
 * changing nothing, when another program has changed any of it meanwhile.
 */
export function undoScript(ruleset: Ruleset, isTracked: boolean, newChains: readonly string[]): string {
  const names = chainNames(ruleset)
  return table([
    ...jumps(ruleset, isTracked).map(({ hook, rule }) => `-D ${hook} ${rule}`),
    ...names.map((name) => `-F ${name}`),
    ...[...names, ...newChains].map((name) => `-X ${name}`),
  ])
}

/**
 * Text that removes every rule that names one of our chains, then the chains, given what iptables-save printed;
 * `undefined` when there is nothing.
 */
export function removeScript(saved: string, tag: string): string | undefined {
  const isOurs = (name = '') => tagOf(name) === tag
  const lines = mangleLines(saved)
  // A foreign rule's quoted comment may hold anything.
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

/** Whether what iptables-save printed still has each jump to our chains, and as many rules in them as the ruleset. */
export function holdsRuleset(saved: string, ruleset: Ruleset, version: IpVersion, isTracked: boolean): boolean {
  const lines = mangleLines(saved)
  const expected = rulesOf(ruleset, version, isTracked)
  const rules = (text: readonly string[], name: string) => text.filter((line) => line.startsWith(`-A ${name} `)).length
  return (
    jumps(ruleset, isTracked).every(({ hook, target }) => hasJump(lines, hook, target)) &&
    chainNames(ruleset).every((name) => rules(lines, name) === rules(expected, name))
  )
}

/** Returns the tag in the name of one of our chains; `undefined` for every other name. */
export function tagOf(chain: string): string | undefined {
  return /^CERTBOT-NFQ-(.+?)(?:-[A-Z]|-\d+)?$/.exec(chain)?.[1]
}

/** The chains of a tag that iptables-save declared. */
function chainsIn(lines: readonly string[], tag: string): string[] {
  return lines.flatMap((line) => /^:(\S+)/.exec(line)?.[1] ?? []).filter((name) => tagOf(name) === tag)
}

/** Whether one of mangle's own chains jumps to one of ours, in lines of iptables-save. */
function hasJump(lines: readonly string[], hook: string, target: string): boolean {
  return lines.some((line) => line.startsWith(`-A ${hook} `) && line.endsWith(`-j ${target}`))
}

/**
 * Those of mangle's own chains that jump to ours: without tracking there is no NAT, so nothing to forward to a
 * container.
 */
export function hookChains(isTracked: boolean): string[] {
  return isTracked ? ['INPUT', 'FORWARD'] : ['INPUT']
}

/** From mangle's own chains to ours. */
function jumps(ruleset: Ruleset, isTracked: boolean): { hook: string; rule: string; target: string }[] {
  const { entry, datagrams } = namesFor(ruleset.tag)
  return transportsOf(ruleset).flatMap((transport) => {
    const target = transport === 'tcp' ? entry : datagrams
    return hookChains(isTracked).map((hook) => ({ hook, rule: `-p ${transport} -j ${target}`, target }))
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
    unarmed: `${entry}-N`,
    byMark: `${entry}-Q`,
    byAddress: `${entry}-R`,
    letGo: `${entry}-L`,
  }
}

/** All chains of a ruleset, each after those that it is named in. */
function chainNames(ruleset: Ruleset): readonly string[] {
  const names = namesFor(ruleset.tag)
  return [
    names.entry,
    ...(transportsOf(ruleset).includes('udp') ? [names.datagrams] : []),
    names.candidates,
    ...startsOf(ruleset).map(({ place }) => names.start(place)),
    names.armed,
    names.incomplete,
    names.unarmed,
    names.byMark,
    names.byAddress,
    names.letGo,
  ]
}

interface PlacedStart {
  readonly selector: Selector
  readonly start: Start
  /** Among those of all selectors, from 1 on. */
  readonly place: number
}

function startsOf({ selectors }: Ruleset): PlacedStart[] {
  return selectors
    .flatMap((selector) => selector.starts.map((start) => ({ selector, start })))
    .map((placed, index) => ({ ...placed, place: index + 1 }))
}

function rulesOf(ruleset: Ruleset, version: IpVersion, isTracked: boolean): string[] {
  return ruleset.selection === 'port' ? portRules(ruleset, isTracked) : candidateRules(ruleset, version, isTracked)
}

function candidateRules(ruleset: Ruleset, version: IpVersion, isTracked: boolean): string[] {
  const { tag, mark } = ruleset
  const names = namesFor(tag)
  const comment = commentFor(tag)
  const bit = masked(mark)
  const toQueue = queueTarget(ruleset)
  const set = followedSet(tag, version)
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
  const followed = ports.map((port) => `-p tcp --dport ${port} -m set --match-set ${set} src,src`)
  const isLetGo = `-m mark --mark ${masked(letGoMark(ruleset))} ${comment} -g ${names.letGo}`
  // Whether or not the key is known yet, the connection is followed; nobody makes that shorter who does not know one.
  const taken = (name: string, renewal: string) => [
    ...(toUdp?.length ? [`-A ${name} -p udp ${toQueue}`] : []),
    ...(isTracked
      ? [
          `-A ${name} -p tcp ${UNTRACKED} ${comment} -j SET --add-set ${set} src,src ${renewal}`,
          `-A ${name} ${UNTRACKED} ${toQueue}`,
          `-A ${name} ${comment} -j CONNMARK --set-xmark ${bit}`,
          `-A ${name} ${toQueue}`,
        ]
      : [`-A ${name} -p tcp ${comment} -j SET --add-set ${set} src,src ${renewal}`, `-A ${name} ${toQueue}`]),
  ]
  return [
    ...(isTracked && ports.length > 0
      ? [`-A ${names.entry} -m connmark --mark ${bit} ${comment} -g ${names.byMark}`]
      : []),
    // First: what a followed source says may look like a candidate, too.
    ...(isTracked
      ? []
      : followed.map((isFollowed) => `-A ${names.entry} ${isFollowed} ${comment} -g ${names.byAddress}`)),
    ...(toTcp ?? []).map((begins) => `-A ${names.entry} ${begins} ${comment} -j ${names.candidates}`),
    ...(isTracked && ports.length > 0 ? [`-A ${names.entry} ${UNTRACKED} ${comment} -j ${names.byAddress}`] : []),
    ...(toUdp ?? []).map((begins) => `-A ${names.datagrams} ${begins} ${comment} -j ${names.candidates}`),
    ...startsOf(ruleset).flatMap(({ selector: { transport, ports }, place }) =>
      ports.flatMap((port) =>
        destinations(transport, port, isTracked).map(
          (destination) => `-A ${names.candidates} ${destination} ${comment} -j ${names.start(place)}`,
        ),
      ),
    ),
    ...startsOf(ruleset).flatMap((placed) => startRules(placed, version, tag)),
    ...taken(names.armed, `--exist --timeout ${FOLLOWED_SECONDS.armed}`),
    ...taken(names.incomplete, `--timeout ${FOLLOWED_SECONDS.incomplete}`),
    ...(ruleset.selectors.some(({ keys }) => keys !== 'any')
      ? [
          // A copy that was queued comes once more.
          `-A ${names.unarmed} ${isLetGo}`,
          // Counts.
          `-A ${names.unarmed} ${comment}`,
          `-A ${names.unarmed} -m limit --limit ${UNARMED_QUEUED}/sec --limit-burst ${UNARMED_QUEUED} ${toQueue}`,
        ]
      : []),
    ...(isTracked && ports.length > 0 ? [`-A ${names.byMark} ${isLetGo}`] : []),
    ...(isTracked ? ports.map((port) => `-A ${names.byMark} ${originalPort('tcp', port)} ${toQueue}`) : []),
    ...(ports.length > 0 ? [`-A ${names.byAddress} ${isLetGo}`] : []),
    ...(isTracked
      ? followed.map((isFollowed) => `-A ${names.byAddress} ${isFollowed} ${toQueue}`)
      : [
          // An armed key makes it followed for longer.
          ...(toTcp ?? []).map((begins) => `-A ${names.byAddress} ${begins} ${comment} -j ${names.candidates}`),
          `-A ${names.byAddress} ${toQueue}`,
        ]),
    ...(isTracked ? [`-A ${names.letGo} ${comment} -j CONNMARK --set-xmark 0x0/0x${mark.toString(16)}`] : []),
    `-A ${names.letGo} ${comment} -j MARK --set-xmark 0x0/0x${letGoMark(ruleset).toString(16)}`,
  ]
}

/** Compares the whole start, and the key behind it. */
function startRules({ selector, start, place }: PlacedStart, version: IpVersion, tag: string): string[] {
  const names = namesFor(tag)
  const { transport, keys } = selector
  const rule = (program: Program | undefined, target: string) =>
    [`-A ${names.start(place)}`, ...(program ? [matching(program)] : []), commentFor(tag), target].join(' ')
  return [
    rule(differsProgram(version, transport, start), '-j RETURN'),
    ...(keys === 'any'
      ? [rule(reachesProgram(version, transport, start, 0), `-g ${names.armed}`)]
      : [
          ...inPieces(keys, KEYS_A_PROGRAM).map((piece) =>
            rule(keyProgram(version, transport, start, piece), `-g ${names.armed}`),
          ),
          rule(reachesProgram(version, transport, start, COMPARED_KEY_LENGTH), `-g ${names.unarmed}`),
        ]),
    // A datagram is whole.
    ...(transport === 'tcp' ? [rule(undefined, `-g ${names.incomplete}`)] : []),
  ]
}

function inPieces<Item>(items: readonly Item[], length: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / length) }, (_, piece) =>
    items.slice(piece * length, (piece + 1) * length),
  )
}

/** All of the ports' traffic. */
function portRules(ruleset: Ruleset, isTracked: boolean): string[] {
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

/** What a raw-table rule exempts from tracking has no original port; nor has it NAT. */
const UNTRACKED = '-m conntrack --ctstate UNTRACKED'

/** The port as tracked and as untracked packets have it. */
function destinations(transport: Transport, port: number, isTracked: boolean): string[] {
  const plain = `-p ${transport} --dport ${port}`
  return isTracked ? [originalPort(transport, port), `${plain} ${UNTRACKED}`] : [plain]
}

/** The port the client asked for, before any DNAT. */
function originalPort(transport: Transport, port: number): string {
  return `-p ${transport} -m conntrack --ctorigdstport ${port} --ctdir ORIGINAL`
}

function matching(program: Program): string {
  return `-m bpf --bytecode "${toBytecode(program)}"`
}

/** Longer packets would not fit the queue's receive buffer; no request head is that long. */
function queueTarget({ queue, tag }: Ruleset): string {
  return `-m length --length 0:${LONGEST_QUEUED} ${commentFor(tag)} -j NFQUEUE --queue-num ${queue} --queue-bypass`
}

/** A value and the mask that looks at no other bits. */
function masked(mark: number): string {
  return `0x${mark.toString(16)}/0x${mark.toString(16)}`
}

function commentFor(tag: string): string {
  return `-m comment --comment certbot-nfq-${tag}`
}

function table(lines: readonly string[]): string {
  return ['*mangle', ...lines, 'COMMIT', ''].join('\n')
}

/** iptables-save prints table after table, each from `*name` to `COMMIT`. */
function mangleLines(saved: string): string[] {
  const lines = saved.split('\n')
  const from = lines.indexOf('*mangle')
  // With -c each rule begins with what it has counted.
  return from < 0
    ? []
    : lines.slice(from + 1, lines.indexOf('COMMIT', from)).map((line) => line.replace(/^\[\d+:\d+\] /, ''))
}
