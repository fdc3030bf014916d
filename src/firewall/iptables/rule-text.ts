/**
 * The parts that our rules are written in. iptables evaluates the matches of a rule from left to right. The comment is
 * a match too, so it stands last.
 */
import { toBytecode, type Program } from '../bpf/program.js'
import { LONGEST_QUEUED, type Ruleset } from '../ruleset.js'
import type { Transport } from './chains.js'

/** Writes a rule of a chain: what it matches, '' for all packets, and its target. */
export type WriteRule = (chain: string, match: string, target: string) => string

/** Returns what writes the rules of a ruleset. Without a target, a rule only counts. */
export function ruleWriter({ tag }: Pick<Ruleset, 'tag'>): WriteRule {
  return (chain, match, target) => ['-A', chain, match, commentFor(tag), target].filter((part) => part !== '').join(' ')
}

/** Returns the comment that all rules of a tag have. */
export function commentFor(tag: string): string {
  return `-m comment --comment certbot-nfq-${tag}`
}

/** Returns what writes a rule that queues packets of up to {@link LONGEST_QUEUED} bytes. */
export function queueWriter({ tag, queue }: Ruleset): (chain: string, match?: string) => string {
  const rule = ruleWriter({ tag })
  const isShort = `-m length --length 0:${LONGEST_QUEUED}`
  return (chain, match = '') =>
    rule(chain, match === '' ? isShort : `${match} ${isShort}`, `-j NFQUEUE --queue-num ${queue} --queue-bypass`)
}

/** Matches packets that a rule of the raw table exempts from tracking. They have no original port, and no NAT. */
export const UNTRACKED = '-m conntrack --ctstate UNTRACKED'

/** Returns a match of the port for tracked packets, and one for untracked packets. */
export function destinations(transport: Transport, port: number, isTracked: boolean): string[] {
  const plain = `-p ${transport} --dport ${port}`
  return isTracked ? [originalPort(transport, port), `${plain} ${UNTRACKED}`] : [plain]
}

/** Returns a match of the port that the client connected to, before any DNAT. */
export function originalPort(transport: Transport, port: number): string {
  return `-p ${transport} -m conntrack --ctorigdstport ${port} --ctdir ORIGINAL`
}

/** Returns a match of the packets that a program accepts. */
export function matching(program: Program): string {
  return `-m bpf --bytecode "${toBytecode(program)}"`
}

/** Returns `VALUE/MASK` that matches, or sets, the bits of `mark` and leaves the others alone. */
export function masked(mark: number): string {
  return `0x${mark.toString(16)}/0x${mark.toString(16)}`
}
