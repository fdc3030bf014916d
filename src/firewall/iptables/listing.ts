/** What the output of iptables-save(8) says of our rules in the mangle table. */
import type { Family, Ruleset } from '../ruleset.js'
import { chainNames, jumpsOf, namesFor, tagOf } from './chains.js'
import { rulesOf } from './rules.js'
import { commentFor } from './rule-text.js'

/**
 * Returns whether the output of iptables-save has every jump to our chains, before the rules of other programs, and the
 * right number of rules in each chain.
 */
export function holdsRuleset(saved: string, ruleset: Ruleset, family: Family): boolean {
  const lines = mangleLines(saved)
  const expected = rulesOf(ruleset, family)
  const rules = (text: readonly string[], name: string) => text.filter((line) => line.startsWith(`-A ${name} `)).length
  return (
    jumpsOf(ruleset, family).every(({ hook, target }) => placeOfJump(lines, hook, target) === 'first') &&
    chainNames(ruleset).every((name) => rules(lines, name) === rules(expected, name))
  )
}

/** Returns the counter of unarmed requests in the output of `iptables-save -c`; 0 if it is not there. */
export function unarmedIn(saved: string, tag: string): number {
  const [, count] =
    new RegExp(`^\\[(\\d+):\\d+\\] -A ${namesFor(tag).unarmed} ${commentFor(tag)}$`, 'm').exec(saved) ?? []
  return Number(count ?? 0)
}

/** Returns the lines of the mangle table. iptables-save prints one table after the other, from `*NAME` to `COMMIT`. */
export function mangleLines(saved: string): string[] {
  const lines = saved.split('\n')
  const from = lines.indexOf('*mangle')
  // With `-c`, each rule begins with its counters: `[PACKETS:BYTES]`.
  return from < 0
    ? []
    : lines.slice(from + 1, lines.indexOf('COMMIT', from)).map((line) => line.replace(/^\[\d+:\d+\] /, ''))
}

/** Returns the names of this tag's chains, from the lines `:NAME POLICY [PACKETS:BYTES]` of iptables-save. */
export function chainsIn(lines: readonly string[], tag: string): string[] {
  return lines.flatMap((line) => /^:(\S+)/.exec(line)?.[1] ?? []).filter((name) => tagOf(name) === tag)
}

/**
 * Returns where a built-in chain jumps to this chain of ours, in lines of iptables-save: `first` if all rules before it
 * are jumps of responders too, `later` if another program has a rule before it, which may accept the packets;
 * `undefined` if it does not jump there.
 */
export function placeOfJump(lines: readonly string[], hook: string, target: string): 'first' | 'later' | undefined {
  const targets = lines.filter((line) => line.startsWith(`-A ${hook} `)).map(targetOf)
  const at = targets.indexOf(target)
  if (at < 0) return undefined
  return targets.slice(0, at).every((name) => tagOf(name) !== undefined) ? 'first' : 'later'
}

/** Returns the chain that a rule jumps to, in a line of iptables-save; '' for none. */
export function targetOf(line: string): string {
  return / -j (\S+)$/.exec(line)?.[1] ?? ''
}
