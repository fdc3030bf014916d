/** Turns a ruleset into text for iptables-restore(8). chains.ts lists what it installs. */
import type { Family, Ruleset } from '../ruleset.js'
import { chainNames, hookChains, jumpsOf, namesFor, tagOf } from './chains.js'
import { chainsIn, mangleLines, placeOfJump, targetOf } from './listing.js'
import { rulesOf } from './rules.js'

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
    ...jumpsOf(ruleset, family).flatMap(({ hook, rule, target }) => {
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
    ...jumpsOf(ruleset, family).flatMap(({ hook, rule }) => [`-D ${hook} ${rule}`, `-I ${hook} 1 ${rule}`]),
    ...chainNames(ruleset)
      .filter((name) => name !== unarmed)
      .map((name) => `-F ${name}`),
    ...rulesOf(ruleset, family).filter((rule) => !rule.startsWith(`-A ${unarmed} `)),
  ])
}

/**
 * Returns the script that removes what `installScript` installed, and the built-in chains in `newChains`.
 * iptables-restore refuses the script as a whole when another program has changed any of that.
 */
export function undoScript(ruleset: Ruleset, family: Family, newChains: readonly string[]): string {
  const names = chainNames(ruleset)
  return table([
    ...jumpsOf(ruleset, family).map(({ hook, rule }) => `-D ${hook} ${rule}`),
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

function table(lines: readonly string[]): string {
  return ['*mangle', ...lines, 'COMMIT', ''].join('\n')
}
