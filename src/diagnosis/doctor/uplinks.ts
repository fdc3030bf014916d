/** By which interfaces the world comes in. */
import type { Run } from '../../firewall/run.js'
import type { MachineAddress } from '../../network/addresses.js'

/**
 * The interfaces of default routes, of any table; without such a route, those with an address that others can reach.
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
 * The interfaces in what ip-route(8) prints, also those of several next hops; unreachable routes have `lo`, which is
 * none.
 */
export function devicesOfRoutes(text: string): string[] {
  return [...text.matchAll(/\bdev (\S+)/g)].map(([, device = '']) => device).filter((device) => device !== 'lo')
}
