/**
 * A ruleset as text for iptables-restore(8). Chains of our own in the mangle table, named by the tag: the first picks the ports'
 * traffic, `…-Q` queues the candidates of it by connection mark, `…-R` does so by source address for what is not tracked.
 * INPUT catches what a local server gets, FORWARD what goes on to a container by DNAT; `--ctorigdstport` is the port the client
 * asked for, before any DNAT.
 */
import { candidateProgram } from './candidate-program.js'
import { toBytecode } from './bpf.js'
import { FOLLOWED_SECONDS, LONGEST_QUEUED, type IpVersion, type Ruleset } from './ruleset.js'

/** Name of the chain that INPUT and FORWARD jump to. */
export function chainName(tag: string): string {
  return `CERTBOT-NFQ-${tag}`
}

/** Text that makes the chains hold the ruleset, whatever they held; `isHooked` when the jumps to them are there already. */
export function installScript(ruleset: Ruleset, version: IpVersion, isTracked: boolean, isHooked: boolean): string {
  const chain = chainName(ruleset.tag)
  const comment = commentFor(ruleset.tag)
  return table([
    ...chainNames(ruleset.tag).map((name) => `:${name} - [0:0]`),
    ...(isHooked ? [] : jumps(ruleset.tag, isTracked).map(({ hook, rule }) => `-I ${hook} 1 ${rule}`)),
    // Longer ones would not fit the queue's receive buffer; no request head is that long.
    `-A ${chain} -m length --length ${LONGEST_QUEUED + 1}:65535 ${comment} -j RETURN`,
    ...ruleset.ports.flatMap((port) => portRules(port, ruleset.tag, isTracked).map((rule) => `-A ${chain} ${comment} ${rule}`)),
    ...queueRules(ruleset, version, isTracked),
  ])
}

/**
 * Text that takes away what `installScript` has put there, and the built-in `newChains` with it; fails as a whole, changing nothing,
 * when another program has changed any of it meanwhile.
 */
export function undoScript(ruleset: Ruleset, isTracked: boolean, newChains: readonly string[]): string {
  const names = chainNames(ruleset.tag)
  return table([
    ...jumps(ruleset.tag, isTracked).map(({ hook, rule }) => `-D ${hook} ${rule}`),
    ...names.map((name) => `-F ${name}`),
    ...[...names, ...newChains].map((name) => `-X ${name}`),
  ])
}

/** Text that removes every rule that names one of our chains, then the chains, given what iptables-save printed; `undefined` when there is nothing. */
export function removeScript(saved: string, tag: string): string | undefined {
  const isOurs = (name = '') => chainNames(tag).includes(name)
  // A foreign rule's quoted comment may hold anything.
  const words = mangleLines(saved).map((line): string[] => line.match(/"(?:\\.|[^"\\])*"|\S+/g) ?? [])
  const chains = words.flatMap(([declaration]) => (declaration?.startsWith(':') ? [declaration.slice(1)] : [])).filter(isOurs)
  const jumps = words.filter((line) => line[0] === '-A' && !isOurs(line[1]) && line.some((word, at) => word === '-j' && isOurs(line[at + 1])))
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
  const expected = installScript(ruleset, version, isTracked, false).split('\n')
  const chain = chainName(ruleset.tag)
  const isJump = (line: string, hook: string) => line.startsWith(`-A ${hook} `) && line.endsWith(`-j ${chain}`)
  const hooks = expected.flatMap((line) => (line.startsWith('-I ') ? [line.split(' ')[1] ?? ''] : []))
  const rules = (text: readonly string[], name: string) => text.filter((line) => line.startsWith(`-A ${name} `)).length
  return (
    hooks.every((hook) => lines.some((line) => isJump(line, hook))) &&
    chainNames(ruleset.tag).every((name) => rules(lines, name) === rules(expected, name))
  )
}

/** Those of mangle's own chains that jump to ours: without tracking there is no NAT, so nothing to forward to a container. */
export function hookChains(isTracked: boolean): string[] {
  return isTracked ? ['INPUT', 'FORWARD'] : ['INPUT']
}

/** From mangle's own chains to ours. */
function jumps(tag: string, isTracked: boolean): { hook: string; rule: string }[] {
  return hookChains(isTracked).map((hook) => ({ hook, rule: `-p tcp ${commentFor(tag)} -j ${chainName(tag)}` }))
}

function chainNames(tag: string): readonly [string, string, string] {
  const chain = chainName(tag)
  return [chain, `${chain}-Q`, `${chain}-R`]
}

function portRules(port: number, tag: string, isTracked: boolean): string[] {
  const [, byMark, byAddress] = chainNames(tag)
  if (!isTracked) return [`-p tcp --dport ${port} -j ${byAddress}`]
  return [
    `-p tcp -m conntrack --ctorigdstport ${port} --ctdir ORIGINAL -j ${byMark}`,
    // What a raw-table rule exempts from tracking has no original port; nor has it NAT.
    `-p tcp --dport ${port} -m conntrack --ctstate UNTRACKED -j ${byAddress}`,
  ]
}

function queueRules({ queue, mark, selection, tag }: Ruleset, version: IpVersion, isTracked: boolean): string[] {
  const [chain, byMark, byAddress] = chainNames(tag)
  const comment = commentFor(tag)
  const toQueue = `${comment} -j NFQUEUE --queue-num ${queue} --queue-bypass`
  if (selection === 'port') return [`-A ${byMark} ${toQueue}`, `-A ${byAddress} ${toQueue}`]
  const candidate = `-m bpf --bytecode "${toBytecode(candidateProgram(version))}"`
  const bit = `0x${mark.toString(16)}/0x${mark.toString(16)}`
  const recent = `-m recent --name ${chain} --rsource`
  const markRules = [`${candidate} ${comment} -j CONNMARK --set-xmark ${bit}`, `-m connmark --mark ${bit} ${toQueue}`]
  const addressRules = [`${candidate} ${recent} --set ${toQueue}`, `${recent} --rcheck --seconds ${FOLLOWED_SECONDS} ${toQueue}`]
  return [
    ...(isTracked ? markRules.map((rule) => `-A ${byMark} ${rule}`) : []),
    ...addressRules.map((rule) => `-A ${byAddress} ${rule}`),
  ]
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
