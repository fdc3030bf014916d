import type { Namespace } from './namespace.js'

const listings = [
  ['iptables-nft-save'],
  ['ip6tables-nft-save'],
  ['iptables-legacy-save'],
  ['ip6tables-legacy-save'],
  ['nft', 'list', 'ruleset'],
] as const

const builtInChain = '(?:PREROUTING|INPUT|FORWARD|OUTPUT|POSTROUTING)'
const emptyBaseChain = new RegExp(
  `^\\tchain ${builtInChain} \\{\\n\\t\\ttype [^\\n]* policy accept;\\n\\t\\}\\n+`,
  'gm',
)

/**
 * Returns every packet filter rule of a namespace as text, of both variants of iptables and ip6tables and of nft. Two
 * snapshots are equal exactly when the rules are; `normaliseSave` says what counts as equal. A program that is not
 * installed contributes nothing.
 */
export async function snapshotRules(namespace: Pick<Namespace, 'exec'>): Promise<string> {
  const sections = await Promise.all(
    listings.map(async (argv) => {
      const { stdout } = await namespace.exec(argv, { reject: false })
      return `== ${argv.join(' ')}\n${argv[0] === 'nft' ? normaliseNft(stdout) : normaliseSave(stdout)}`
    }),
  )
  return sections.join('\n')
}

/**
 * Returns the output of an `iptables-save` without what changes by itself (counters, dates) and without built-in tables
 * that are empty. Legacy iptables cannot remove a table that it has once made in a namespace, and the nft variant
 * leaves its empty base chains too. So an empty table with policy ACCEPT is the same as none.
 */
export function normaliseSave(text: string): string {
  return text
    .replace(/^#.*\n/gm, '')
    .replace(/ \[\d+:\d+\]$/gm, '')
    .replace(new RegExp(`^:${builtInChain} ACCEPT\\n`, 'gm'), '')
    .replace(/^\*\w+\nCOMMIT\n/gm, '')
}

/**
 * Returns the same for the output of `nft list ruleset`: without counters, remaining times, and the empty base chains
 * and tables of iptables-nft.
 */
export function normaliseNft(text: string): string {
  return text
    .replace(/^#.*\n/gm, '')
    .replace(/counter packets \d+ bytes \d+/g, 'counter')
    .replace(/ expires [\dsmhd]+/g, '')
    .replace(emptyBaseChain, '')
    .replace(/^table ip6? (?:raw|mangle|nat|filter|security) \{\n\}\n*/gm, '')
}
