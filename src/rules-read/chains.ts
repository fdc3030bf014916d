/** Firewall rules, of whatever program, as a walk of one packet needs them. Pure. */
import type { Match } from './packet.js'

export type Target =
  | { readonly kind: 'accept' | 'drop' | 'return' | 'untrack' | 'other' }
  | { readonly kind: 'jump' | 'goto'; readonly chain: string }
  /** A destination NAT to an address of another machine (`address`), or to another port of this one. */
  | { readonly kind: 'forward'; readonly address?: string; readonly port?: number }

export interface Rule {
  readonly match: Match
  readonly target: Target
  /** As its program prints it. */
  readonly text: string
}

export interface Chain {
  /** Where packets enter it: `prerouting`, `input` and so on; undefined for one that others jump to. */
  readonly hook: string | undefined
  readonly policy: 'accept' | 'drop'
  readonly rules: readonly Rule[]
}

export interface Table {
  /** `iptables-nft filter`, `nft inet firewalld`. */
  readonly origin: string
  /** The table's own name. */
  readonly name: string
  readonly chains: ReadonlyMap<string, Chain>
}

/** What a chain does with the packet. `none`: it comes out at the end. */
export interface WalkResult {
  readonly verdict: 'accept' | 'drop' | 'none'
  /** The rule that says so, or `policy drop`. */
  readonly by: string
  /** Rules on the way that may accept it, on conditions that cannot be judged (a source, a set, a rate). */
  readonly conditions: readonly string[]
}

/** Chains that jump in a circle the kernel refuses; this is against a text that lies. */
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

/** Every rule that may match, from the chains that packets enter at `hook`, and on from there. */
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
