/**
 * Turns a ruleset into text for nft(8): one private table for each IP version, which table.ts describes.
 *
 * One `inet` table for both would not do. A `ct` expression in it switches connection tracking on for both versions,
 * even if only one had it, such as IPv4 on a host with Docker's NAT.
 *
 * `nft -i` reads a transaction from one line, so each function here returns one line.
 */
import type { IpVersion } from '../../wire/ip.js'
import type { Ruleset } from '../ruleset.js'
import { keySetName, keysOf, type KeySets } from './keys.js'
import { tableName } from './names.js'
import { tableBody } from './table.js'

/**
 * Returns the line that replaces the tables of this tag, if any, by those of the ruleset. With `isOwned` they belong to
 * the nft process that reads the line.
 */
export function installLine(ruleset: Ruleset, isOwned: boolean, keySets: KeySets = 'named'): string {
  const tables = ruleset.families.flatMap((family) => {
    const name = tableName(ruleset.tag, family.version)
    const flags = isOwned ? 'flags owner; ' : ''
    // Deleting a table that does not exist is an error, so it is added first.
    return [
      `add table ${name} { ${flags}}`,
      `delete table ${name}`,
      `table ${name} { ${flags}${tableBody(ruleset, family, keySets).join('; ')}; }`,
    ]
  })
  return `${tables.join('; ')}\n`
}

/**
 * Returns the line that changes the named sets from the keys of one ruleset to those of another. The rulesets may
 * differ in their keys only.
 */
export function keysLine(before: Ruleset, after: Ruleset): string {
  const changes = after.selectors.flatMap((selector, index) => {
    const [old, wanted] = [before.selectors[index], selector].map((selector) => (selector ? keysOf(selector) : []))
    const commands = [
      ['add', wanted?.filter((key) => !old?.includes(key))],
      ['delete', old?.filter((key) => !wanted?.includes(key))],
    ] as const
    return after.families.flatMap(({ version }) =>
      commands.flatMap(([verb, keys = []]) =>
        keys.length === 0
          ? []
          : [`${verb} element ${tableName(after.tag, version)} ${keySetName(index + 1)} { ${keys.join(', ')} }`],
      ),
    )
  })
  return `${changes.join('; ')}\n`
}

/** Returns the line that removes our tables for these IP versions. nft refuses it when one of them does not exist. */
export function removeLine(tag: string, versions: readonly IpVersion[]): string {
  return `${versions.map((version) => `delete table ${tableName(tag, version)}`).join('; ')}\n`
}
