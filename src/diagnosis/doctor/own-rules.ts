/** The tables and chains that are ours, of responders that run or were killed. Pure. */
import { tagOf } from '../../firewall/iptables/chains.js'
import { tagOfTable } from '../../firewall/nft/names.js'
import { tablesFor, type InstalledRules } from '../../rules-read/installed-rules.js'

/**
 * Returns what there is for each tag, a line for each table: `nft ip certbot-nfq-01234567`, or `iptables-nft mangle: 12
 * chains, CERTBOT-NFQ-01234567 and so on`.
 */
export function installedByTag(rules: InstalledRules): Map<string, string[]> {
  const found = new Map<string, string[]>()
  const add = (tag: string | undefined, line: string) => {
    if (tag === undefined || !TAG.test(tag)) return
    const lines = found.get(tag) ?? []
    if (!lines.includes(line)) found.set(tag, [...lines, line])
  }
  for (const version of [4, 6] as const) {
    for (const { origin, name, chains } of tablesFor({ version, port: 0, destinations: [], devices: [] }, rules)) {
      add(tagOfTable(name), origin)
      const tags = [...chains.keys()].map(tagOf)
      for (const tag of new Set(tags)) {
        const count = tags.filter((one) => one === tag).length
        const program = version === 6 ? origin.replace(/^iptables/, 'ip6tables') : origin
        add(tag, `${program}: ${count} chain${count === 1 ? '' : 's'}, CERTBOT-NFQ-${tag ?? ''} and so on`)
      }
    }
  }
  return found
}

/** A tag as responder/run-directory.ts makes it. */
const TAG = /^[0-9a-f]{8}$/
