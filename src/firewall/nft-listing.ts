/** What nft(8) tells of the tables there are; iptables-nft keeps its own among them. */
import { isLack } from './lack.js'
import type { IpVersion } from './ruleset.js'
import { isProgram, type Run } from './run.js'

/** Every table, as `ip mangle`; `undefined` when nft cannot tell. */
export async function listNftTables(run: Run): Promise<string[] | undefined> {
  if (!isProgram('nft')) return undefined
  const { exitCode, stdout } = await run(['nft', 'list', 'tables'])
  return exitCode === 0 ? stdout.split('\n').map((line) => line.trim().replace(/^table /, '')) : undefined
}

/** The chains of a table, none where there is no such table; `undefined` when nft cannot tell. */
export async function listNftChains(version: IpVersion, table: string, run: Run): Promise<string[] | undefined> {
  if (!isProgram('nft')) return undefined
  const { exitCode, stdout, stderr } = await run(['nft', 'list', 'table', version === 4 ? 'ip' : 'ip6', table])
  if (exitCode !== 0) return isLack(stderr) ? [] : undefined
  return [...stdout.matchAll(/^\s*chain (\S+) \{/gm)].map(([, name = '']) => name)
}
