/** What the DNS says of a name, beside where this machine is. Pure. */
import { reachOf, type MachineAddress } from '../../network/addresses.js'
import type { DnsAnswer, NameAddresses } from '../../network/names.js'
import { placeOf } from '../../network/place.js'
import { list } from './words.js'

export type RecordType = 'A' | 'AAAA'

/**
 * Where a record leads: `not public` to an address that only this site (or machine) can reach, even if it is one of
 * ours; the others as in src/network/place.ts. `no such name` and `no answer` are of the whole type.
 */
export type Whereabouts = 'here' | 'elsewhere' | 'behind NAT' | 'not public' | 'no such name' | 'no answer'

/** All records of one type that lead to the same kind of place. */
export interface RecordGroup {
  readonly type: RecordType
  readonly where: Whereabouts
  /** Empty for the last two kinds. */
  readonly addresses: readonly string[]
  /** Why there was no answer. */
  readonly detail?: string
}

/** Groups in the order A, AAAA; none when the name has no address at all. */
export function groupRecords(names: NameAddresses, machine: readonly MachineAddress[]): RecordGroup[] {
  return (
    [
      ['A', names[4]],
      ['AAAA', names[6]],
    ] as const
  ).flatMap(([type, answer]) => groupsOf(type, answer, machine))
}

function groupsOf(type: RecordType, answer: DnsAnswer, machine: readonly MachineAddress[]): RecordGroup[] {
  if ('error' in answer) {
    if (answer.error === 'no such name') return [{ type, where: 'no such name', addresses: [] }]
    return [{ type, where: 'no answer', addresses: [], detail: answer.error }]
  }
  const places = answer.addresses.map((address) => [address, whereIs(address, machine)] as const)
  return [...new Set(places.map(([, where]) => where))].map((where) => ({
    type,
    where,
    addresses: places.filter(([, other]) => other === where).map(([address]) => address),
  }))
}

function whereIs(address: string, machine: readonly MachineAddress[]): Whereabouts {
  if (reachOf(address) !== 'public') return 'not public'
  const place = placeOf(address, machine)
  return place === 'unreachable' ? 'not public' : place
}

/** `A 192.0.2.1`, `AAAA 2001:db8::1 and 2001:db8::2`. */
export function nameRecords({ type, addresses }: RecordGroup): string {
  return `${type} ${list(addresses)}`
}
