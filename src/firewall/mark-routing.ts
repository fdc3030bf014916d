/** Do routes depend on packet marks? */
import type { IpVersion } from '../wire/ip.js'
import { isProgram } from './program-path.js'
import type { Run } from './run.js'

/**
 * Returns whether a routing rule of the IP version looks at this bit of the packet mark. Such hosts often copy the mark
 * of a connection into its packets, as a whole. So a bit of ours in the connection mark would change the route of what
 * is sent. Without ip(8), or when it fails, the answer is no.
 */
export async function routesByMark(version: IpVersion, bit: number, run: Run): Promise<boolean> {
  if (!isProgram('ip')) return false
  const { exitCode, stdout } = await run(['ip', `-${version}`, 'rule', 'list'])
  return exitCode === 0 && looksAt(stdout, bit)
}

/**
 * Returns whether one of the rules that ip-rule(8) lists looks at this bit: `fwmark VALUE[/MASK]`. Without a mask it is
 * all bits.
 */
export function looksAt(rules: string, bit: number): boolean {
  return [...rules.matchAll(/\bfwmark [\da-fx]+(?:\/(0x[\da-f]+))?/g)].some(
    ([, mask]) => (Number(mask ?? 0xffffffff) & bit) !== 0,
  )
}
