/** Do the names lead to this machine? Pure. */
import type { MachineAddress } from '../../network/addresses.js'
import type { NameAddresses } from '../../network/names.js'
import { groupRecords, RECORD_TYPES, type RecordGroup } from '../../network/records.js'
import type { IpVersion } from '../../wire/ip.js'
import { fail, ok, warn, type Finding } from './finding.js'

/** What is known of this machine when a name is judged. */
export interface HostFacts {
  readonly machine: readonly MachineAddress[]
  /** The families in which somebody answers on the port. */
  readonly served: readonly IpVersion[]
  readonly port: number
  /** The port that a CA asks. */
  readonly asked: number
}

/** Returns everything that is wrong with a name, or one finding that all is well. */
export function judgeName(found: NameAddresses, host: HostFacts): Finding[] {
  const { name } = found
  const groups = groupRecords(found, host.machine)
  const records = groups.flatMap((group) => group.addresses.map((address) => ({ ...group, address })))
  const errors = groups.flatMap((group) => judgeError(name, group))
  if (records.length === 0) {
    if (groups.length > 0 && groups.every(({ where }) => where === 'no answer'))
      return [
        warn(
          'name',
          `${name}: its addresses could not be looked up (${groups[0]?.detail ?? ''})`,
          'see whether that resolver works (/etc/resolv.conf), or ask another, as by: --resolver 1.1.1.1',
        ),
      ]
    if (errors.length > 0) return errors.slice(0, 1)
    return [
      fail(
        'name',
        `${name} has neither an A nor an AAAA record`,
        'add an A record with the public address of this machine',
      ),
    ]
  }
  const problems = [...errors, ...records.flatMap((record) => judgeRecord(name, record, host))]
  if (problems.length > 0) return problems
  return [
    ok(
      'name',
      `${name}: ${records.map(({ version, address }) => `${RECORD_TYPES[version]} ${address}`).join(', ')}: of this machine`,
    ),
  ]
}

/** Returns the finding for a name that http-01 cannot validate. */
export function judgeWildcard(name: string): Finding {
  return fail(
    'name',
    `${name} is a wildcard, which http-01 cannot validate`,
    'get a certificate for it by dns-01 (docs/dns-01.md), and add --dns here',
  )
}

function judgeRecord(
  name: string,
  { version, where, address }: RecordGroup & { readonly address: string },
  { machine, served, port, asked }: HostFacts,
): Finding[] {
  const record = `${name}: ${RECORD_TYPES[version]} ${address}`
  const own = machine.find((one) => one.address === address)
  switch (where) {
    case 'not public':
      return [
        own
          ? warn(
              'name',
              `${record} is of this machine, but ${own.reach}: a public CA cannot reach it`,
              'give the name a public address, unless your CA is inside',
            )
          : warn(
              'name',
              `${record} is not of this machine, and a public CA cannot reach it`,
              'give the name the public address of this machine',
            ),
      ]
    case 'here':
      if (!served.includes(version))
        return [
          warn(
            'name',
            `${record} is of this machine, but nobody answers on port ${port} by IPv${version}`,
            `let the web server listen by IPv${version} too, or remove the record`,
          ),
        ]
      return []
    case 'behind NAT':
      return [
        warn(
          'name',
          `${record} is public, and this machine has private addresses only: it is behind a NAT`,
          `see that the router forwards its port ${asked} to port ${port} of this machine`,
        ),
      ]
    case 'elsewhere':
      return [
        warn(
          'name',
          `${record} is not an address of this machine${version === 6 ? '; a CA asks by IPv6 first, and another machine’s answer is final' : ''}`,
          elsewhereFix(version, port),
        ),
      ]
    default:
      return []
  }
}

function elsewhereFix(version: IpVersion, port: number): string {
  return `correct or remove the ${RECORD_TYPES[version]} record, unless a proxy or router there hands the request on to port ${port} of this machine`
}

function judgeError(name: string, { version, where, detail = '' }: RecordGroup): Finding[] {
  if (where === 'no such name')
    return [fail('name', `${name} does not exist in the DNS`, 'correct the name, or add an A record for it')]
  if (where !== 'no answer') return []
  return [
    warn(
      'name',
      `${name}: its ${RECORD_TYPES[version]} could not be looked up (${detail})`,
      'ask again, or another resolver, as by: --resolver 1.1.1.1',
    ),
  ]
}
