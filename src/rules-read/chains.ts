/** Firewall rules of any program, in the form in which one packet is walked through them. Pure. */
import type { Match } from './packet.js'

/** What a rule does with a packet that matches. */
export type Target =
  | { readonly kind: 'accept' | 'drop' | 'return' | 'untrack' | 'other' }
  | { readonly kind: 'jump' | 'goto'; readonly chain: string }
  /** A destination NAT to an address of another machine (`address`), or to another port of this machine. */
  | { readonly kind: 'forward'; readonly address?: string; readonly port?: number }

/** A rule, judged for one packet. */
export interface Rule {
  readonly match: Match
  readonly target: Target
  /** As its program prints it. */
  readonly text: string
}

/** A chain of rules. */
export interface Chain {
  /** The hook where packets enter it, such as `prerouting` or `input`; undefined for a chain that others jump to. */
  readonly hook: string | undefined
  readonly policy: 'accept' | 'drop'
  readonly rules: readonly Rule[]
}

/** A table of chains. */
export interface Table {
  /** `iptables-nft filter`, `nft inet firewalld`. */
  readonly origin: string
  /** The table's own name. */
  readonly name: string
  readonly chains: ReadonlyMap<string, Chain>
}

/** What a chain does with the packet. `none`: the packet reaches its end. */
export interface WalkResult {
  readonly verdict: 'accept' | 'drop' | 'none'
  /** The rule that decides, or `policy drop`. */
  readonly by: string
  /** Rules on the way that may accept it, on conditions that cannot be judged: a source, a set, a rate. */
  readonly conditions: readonly string[]
}

/** The deepest jump that is followed. The kernel refuses loops, but the text may contain one. */
const DEEPEST = 32

/** Follows a packet through a chain. Rules that only may match count as not matching. */
export function walk(table: Table, name: string, depth = 0): WalkResult {
  const chain = table.chains.get(name)
  const conditions: string[] = []
  if (!chain || depth > DEEPEST) return { verdict: 'none', by: '', conditions }
  for (const { match, target, text } of chain.rules) {
    if (match === 'no') continue
    const inner = 'chain' in target ? walk(table, target.chain, depth + 1) : undefined
    conditions.push(...(inner?.conditions ?? []))
    if (match === 'maybe') {
      if (target.kind === 'accept' || inner?.verdict === 'accept') conditions.push(text)
      continue
    }
    if (target.kind === 'accept' || target.kind === 'drop') return { verdict: target.kind, by: text, conditions }
    if (target.kind === 'return') break
    if (inner && inner.verdict !== 'none') return { ...inner, conditions }
    if (target.kind === 'goto') break
  }
  if (chain.hook !== undefined && chain.policy === 'drop') return { verdict: 'drop', by: 'policy drop', conditions }
  return { verdict: 'none', by: '', conditions }
}

/** Returns every rule that may match, in the chains that packets enter at `hook` and in those that they jump to. */
export function rulesFrom(table: Table, hook: string): Rule[] {
  const seen = new Set<string>()
  const enter = (name: string): Rule[] => {
    if (seen.has(name)) return []
    seen.add(name)
    const rules = (table.chains.get(name)?.rules ?? []).filter(({ match }) => match !== 'no')
    return rules.flatMap((rule) => ('chain' in rule.target ? [rule, ...enter(rule.target.chain)] : [rule]))
  }
  return [...table.chains].filter(([, chain]) => chain.hook === hook).flatMap(([name]) => enter(name))
}
