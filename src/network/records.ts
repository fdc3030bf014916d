/** Where the records of a name lead, as far as this machine can tell. Pure. */
import type { IpVersion } from '../wire/ip.js'
import { reachOf, versionOf, type MachineAddress } from './addresses.js'
import type { DnsAnswer, NameAddresses } from './names.js'

/** The type of the record that holds an address of each IP version. */
export const RECORD_TYPES = { 4: 'A', 6: 'AAAA' } as const satisfies Record<IpVersion, string>

/**
 * Where a record leads:
 *
 * - `here`: to a public address of this machine.
 * - `not public`: to an address that only this site or this machine can reach, even if it is one of this machine's.
 * - `behind NAT`: to a public IPv4 address, while this machine has only private ones. A router may forward it here,
 *   which cannot be seen from here.
 * - `elsewhere`: to another machine, as far as can be seen. A proxy or a floating address in front of this machine
 *   looks the same.
 * - `no such name`, `no answer`: there is no record of the type to look at.
 */
export type Whereabouts = 'here' | 'elsewhere' | 'behind NAT' | 'not public' | 'no such name' | 'no answer'

/** All records of one type that lead to the same kind of place. */
export interface RecordGroup {
  readonly version: IpVersion
  readonly where: Whereabouts
  /** Empty for `no such name` and `no answer`. */
  readonly addresses: readonly string[]
  /** Why there was no answer. */
  readonly detail?: string
}

/** Returns groups in the order A, AAAA; none when the name has no address at all. */
export function groupRecords(names: NameAddresses, machine: readonly MachineAddress[]): RecordGroup[] {
  return ([4, 6] as const).flatMap((version) => groupsOf(version, names[version], machine))
}

function groupsOf(version: IpVersion, answer: DnsAnswer, machine: readonly MachineAddress[]): RecordGroup[] {
  if ('error' in answer) {
    if (answer.error === 'no such name') return [{ version, where: 'no such name', addresses: [] }]
    return [{ version, where: 'no answer', addresses: [], detail: answer.detail }]
  }
  const places = answer.addresses.map((address) => [address, whereIs(address, machine)] as const)
  return [...new Set(places.map(([, where]) => where))].map((where) => ({
    version,
    where,
    addresses: places.filter(([, other]) => other === where).map(([address]) => address),
  }))
}

/** Returns where an address leads; `address` is in canonical form. */
export function whereIs(address: string, machine: readonly MachineAddress[]): Whereabouts {
  if (reachOf(address) !== 'public') return 'not public'
  if (machine.some((own) => own.address === address)) return 'here'
  const own = machine.filter(({ version }) => version === versionOf(address))
  // IPv6 addresses are not translated by common routers.
  const isBehindNat =
    versionOf(address) === 4 &&
    own.some(({ reach }) => reach === 'private') &&
    !own.some(({ reach }) => reach === 'public')
  return isBehindNat ? 'behind NAT' : 'elsewhere'
}
