/**
 * A ruleset as text for iptables-restore(8). Chains of our own in the mangle table, named by the tag. The first is what
 * INPUT (a local server) and FORWARD (a container, by DNAT) jump to; `…-C` looks closer at candidates, `…-Q` queues
 * what their connections carry further, found by the connection mark, and `…-R` does so by source address for what is
 * not tracked.
 *
 * Each TCP packet passes the first chain, so that has no rule it can do without: what it finds is rare, and the port is
 * only looked at then. Comments stand last in a rule, for each match costs; the jumps have none, as they name our
 * chain.
 */
import { candidateProgram } from '../bpf/candidate-program.js'
import { toBytecode } from '../bpf/program.js'
import { FOLLOWED_SECONDS, LONGEST_QUEUED, type IpVersion, type Ruleset } from '../ruleset.js'

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
  return table([
    ...chainNames(ruleset.tag).map((name) => `:${name} - [0:0]`),
    ...jumps(ruleset.tag, isTracked).flatMap(({ hook, rule }) =>
      hasJump(lines, hook, ruleset.tag) ? [] : [`-I ${hook} 1 ${rule}`],
    ),
    ...(ruleset.selection === 'port' ? portRules(ruleset, isTracked) : candidateRules(ruleset, version, isTracked)),
  ])
}

/**
 * Text that takes away what `installScript` has put there, and the built-in `newChains` with it; fails as a whole,
 * changing nothing, when another program has changed any of it meanwhile.
 */
export function undoScript(ruleset: Ruleset, isTracked: boolean, newChains: readonly string[]): string {
  const names = chainNames(ruleset.tag)
  return table([
    ...jumps(ruleset.tag, isTracked).map(({ hook, rule }) => `-D ${hook} ${rule}`),
    ...names.map((name) => `-F ${name}`),
    ...[...names, ...newChains].map((name) => `-X ${name}`),
  ])
}

/**
 * Text that removes every rule that names one of our chains, then the chains, given what iptables-save printed;
 * `undefined` when there is nothing.
 */
export function removeScript(saved: string, tag: string): string | undefined {
  const isOurs = (name = '') => chainNames(tag).includes(name)
  // A foreign rule's quoted comment may hold anything.
  const words = mangleLines(saved).map((line): string[] => line.match(/"(?:\\.|[^"\\])*"|\S+/g) ?? [])
  const chains = words
    .flatMap(([declaration]) => (declaration?.startsWith(':') ? [declaration.slice(1)] : []))
    .filter(isOurs)
  const jumps = words.filter(
    (line) => line[0] === '-A' && !isOurs(line[1]) && line.some((word, at) => word === '-j' && isOurs(line[at + 1])),
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
  const expected = installScript(ruleset, version, isTracked).split('\n')
  const rules = (text: readonly string[], name: string) => text.filter((line) => line.startsWith(`-A ${name} `)).length
  return (
    hookChains(isTracked).every((hook) => hasJump(lines, hook, ruleset.tag)) &&
    chainNames(ruleset.tag).every((name) => rules(lines, name) === rules(expected, name))
  )
}

/** Whether mangle's own chain jumps to ours, in lines of iptables-save. */
function hasJump(lines: readonly string[], hook: string, tag: string): boolean {
  return lines.some((line) => line.startsWith(`-A ${hook} `) && line.endsWith(`-j ${chainName(tag)}`))
}

/**
 * Those of mangle's own chains that jump to ours: without tracking there is no NAT, so nothing to forward to a
 * container.
 */
export function hookChains(isTracked: boolean): string[] {
  return isTracked ? ['INPUT', 'FORWARD'] : ['INPUT']
}

/** From mangle's own chains to ours. */
function jumps(tag: string, isTracked: boolean): { hook: string; rule: string }[] {
  return hookChains(isTracked).map((hook) => ({ hook, rule: `-p tcp -j ${chainName(tag)}` }))
}

function chainNames(tag: string): readonly [string, string, string, string] {
  const chain = chainName(tag)
  return [chain, `${chain}-C`, `${chain}-Q`, `${chain}-R`]
}

function candidateRules({ ports, queue, mark, tag }: Ruleset, version: IpVersion, isTracked: boolean): string[] {
  const [chain, candidates, byMark, byAddress] = chainNames(tag)
  const comment = commentFor(tag)
  const isCandidate = `-m bpf --bytecode "${toBytecode(candidateProgram(version))}"`
  const bit = `0x${mark.toString(16)}/0x${mark.toString(16)}`
  const recent = `-m recent --name ${chain} --rsource`
  const toQueue = queueTarget(queue, tag)
  const followed = (name: string) =>
    ports.map((port) => `-A ${name} -p tcp --dport ${port} ${recent} --rcheck --seconds ${FOLLOWED_SECONDS} ${toQueue}`)
  const isFound = `-A ${chain} ${isCandidate} ${comment} -j ${candidates}`
  if (!isTracked)
    return [
      isFound,
      ...followed(chain),
      ...ports.map((port) => `-A ${candidates} -p tcp --dport ${port} ${recent} --set ${toQueue}`),
    ]
  return [
    `-A ${chain} -m connmark --mark ${bit} ${comment} -j ${byMark}`,
    isFound,
    `-A ${chain} ${UNTRACKED} ${comment} -j ${byAddress}`,
    ...ports.flatMap((port) => [
      `-A ${candidates} ${originalPort(port)} ${comment} -j CONNMARK --set-xmark ${bit}`,
      `-A ${candidates} -p tcp --dport ${port} ${UNTRACKED} ${recent} --set ${toQueue}`,
      `-A ${byMark} ${originalPort(port)} ${toQueue}`,
    ]),
    `-A ${candidates} ${comment} -j ${byMark}`,
    ...followed(byAddress),
  ]
}

/** All of the ports' traffic. */
function portRules({ ports, queue, tag }: Ruleset, isTracked: boolean): string[] {
  const [chain, , byMark, byAddress] = chainNames(tag)
  const toQueue = queueTarget(queue, tag)
  if (!isTracked) return ports.map((port) => `-A ${chain} -p tcp --dport ${port} ${toQueue}`)
  return [
    `-A ${chain} ${commentFor(tag)} -j ${byMark}`,
    `-A ${chain} ${UNTRACKED} ${commentFor(tag)} -j ${byAddress}`,
    ...ports.flatMap((port) => [
      `-A ${byMark} ${originalPort(port)} ${toQueue}`,
      `-A ${byAddress} -p tcp --dport ${port} ${toQueue}`,
    ]),
  ]
}

/** What a raw-table rule exempts from tracking has no original port; nor has it NAT. */
const UNTRACKED = '-m conntrack --ctstate UNTRACKED'

/** The port the client asked for, before any DNAT. */
function originalPort(port: number): string {
  return `-p tcp -m conntrack --ctorigdstport ${port} --ctdir ORIGINAL`
}

/** Longer packets would not fit the queue's receive buffer; no request head is that long. */
function queueTarget(queue: number, tag: string): string {
  return `-m length --length 0:${LONGEST_QUEUED} ${commentFor(tag)} -j NFQUEUE --queue-num ${queue} --queue-bypass`
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
  return from < 0 ? [] : lines.slice(from + 1, lines.indexOf('COMMIT', from))
}
