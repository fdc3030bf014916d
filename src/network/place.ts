/** Whether an address of a name leads to this machine. Pure. */
import { reachOf, versionOf, type MachineAddress } from './addresses.js'

/**
 * - `here`: an address of this machine.
 * - `behind NAT`: a public IPv4 address, and this machine has only private ones: a router may forward it here, which
 *   cannot be seen from here.
 * - `unreachable`: not of this machine, and of no use outside its site.
 * - `elsewhere`: of another machine, as far as can be seen (a proxy or a floating address in front of this one looks
 *   the same).
 */
export type Place = 'here' | 'behind NAT' | 'unreachable' | 'elsewhere'

/** `address` in canonical form. */
export function placeOf(address: string, machine: readonly MachineAddress[]): Place {
  if (machine.some((own) => own.address === address)) return 'here'
  if (reachOf(address) !== 'public') return 'unreachable'
  const own = machine.filter(({ version }) => version === versionOf(address))
  // Nobody translates IPv6 addresses by habit.
  const isTranslated =
    versionOf(address) === 4 &&
    own.some(({ reach }) => reach === 'private') &&
    !own.some(({ reach }) => reach === 'public')
  return isTranslated ? 'behind NAT' : 'elsewhere'
}
