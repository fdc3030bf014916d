/** What nft(8) lists. Its tables and chains include those of iptables-nft. */
import { isLack } from '../lack.js'
import type { IpVersion } from '../../wire/ip.js'
import { failureOf, isProgram, type Run } from '../run.js'

const LIST_TABLES = ['nft', 'list', 'tables']

/**
 * Returns the name of every table, such as `ip mangle`; `undefined` without nft, or when this kernel has no nf_tables.
 * @throws Failure `firewall-failed` when nft fails for any other reason
 */
export async function listNftTables(run: Run): Promise<string[] | undefined> {
  if (!isProgram('nft')) return undefined
  const result = await run(LIST_TABLES)
  if (result.exitCode === 0) return result.stdout.split('\n').map((line) => line.trim().replace(/^table /, ''))
  if (isLack(result.stderr)) return undefined
  throw failureOf(LIST_TABLES, result)
}

/** Returns the names of a table's chains: none if there is no such table, `undefined` when nft cannot be asked. */
export async function listNftChains(version: IpVersion, table: string, run: Run): Promise<string[] | undefined> {
  if (!isProgram('nft')) return undefined
  const { exitCode, stdout, stderr } = await run(['nft', 'list', 'table', version === 4 ? 'ip' : 'ip6', table])
  if (exitCode !== 0) return isLack(stderr) ? [] : undefined
  return [...stdout.matchAll(/^\s*chain (\S+) \{/gm)].map(([, name = '']) => name)
}

/** Returns the counter of unarmed requests in a listing of our tables, all IP versions together. */
export function unarmedIn(listing: string): number {
  return [...listing.matchAll(/^\tcounter unarmed \{\s*packets (\d+)/gm)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  )
}
