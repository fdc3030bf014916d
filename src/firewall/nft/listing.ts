/** The tables that nft(8) shows. iptables-nft keeps its own among them. */
import { isLack } from '../lack.js'
import type { IpVersion } from '../../wire/ip.js'
import { failureOf, isProgram, type Run } from '../run.js'

const LIST_TABLES = ['nft', 'list', 'tables']

/**
 * Returns every table, such as `ip mangle`; `undefined` when there is no nft, or none that works on this kernel.
 * @throws Failure when nft cannot tell now
 */
export async function listNftTables(run: Run): Promise<string[] | undefined> {
  if (!isProgram('nft')) return undefined
  const result = await run(LIST_TABLES)
  if (result.exitCode === 0) return result.stdout.split('\n').map((line) => line.trim().replace(/^table /, ''))
  if (isLack(result.stderr)) return undefined
  throw failureOf(LIST_TABLES, result)
}

/** Returns the chains of a table, none when there is no such table; `undefined` when nft cannot tell. */
export async function listNftChains(version: IpVersion, table: string, run: Run): Promise<string[] | undefined> {
  if (!isProgram('nft')) return undefined
  const { exitCode, stdout, stderr } = await run(['nft', 'list', 'table', version === 4 ? 'ip' : 'ip6', table])
  if (exitCode !== 0) return isLack(stderr) ? [] : undefined
  return [...stdout.matchAll(/^\s*chain (\S+) \{/gm)].map(([, name = '']) => name)
}
