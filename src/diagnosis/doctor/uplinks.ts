/** The interfaces by which packets from outside come in. */
import type { Run } from '../../firewall/run.js'
import type { MachineAddress } from '../../network/addresses.js'

/**
 * Returns the interfaces of the default routes of all tables. Without such a route it returns those that have an
 * address that others can reach.
 */
export async function readUplinks(addresses: readonly MachineAddress[], run: Run): Promise<string[]> {
  const listings = await Promise.all(
    ['-4', '-6'].map((family) => run(['ip', '-o', family, 'route', 'show', 'table', 'all', 'default'])),
  )
  const found = listings.flatMap(({ stdout }) => devicesOfRoutes(stdout))
  return [
    ...new Set(
      found.length > 0 ? found : addresses.filter(({ reach }) => reach !== 'loopback').map(({ device }) => device),
    ),
  ]
}

/**
 * Returns the interfaces in the output of ip-route(8), also those of several next hops. Unreachable routes have `lo`,
 * which does not count.
 */
export function devicesOfRoutes(text: string): string[] {
  return [...text.matchAll(/\bdev (\S+)/g)].map(([, device = '']) => device).filter((device) => device !== 'lo')
}
