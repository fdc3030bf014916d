/** Does the DNS lead a CA here for a challenge of dns-01? */
import { challengeName } from '../../challenge/dns-01/names.js'
import { Failure, FIXES } from '../../failure.js'
import type { MachineAddress } from '../../network/addresses.js'
import { readDnsPath, type DnsPath, type DnsPathOptions, type NameServer } from '../../network/dns-path.js'
import { whereIs } from '../../network/records.js'
import { ok, warn, type Finding } from './finding.js'

/** What is known of this machine when a way is judged. */
export interface DnsHost {
  readonly machine: readonly MachineAddress[]
  /** Whether other machines answer too, because they share a store with this one. */
  readonly isShared: boolean
}

/** A name that is validated by dns-01, and how it is answered. */
export interface DnsName {
  readonly identifier: string
  /** The zone of aliases, as in --dns-alias. */
  readonly alias: string | undefined
}

/**
 * Looks up the way to a name's challenge. With a zone of aliases there are two: to the name itself, and to its alias.
 * Ways that are not found are missing.
 */
export async function readDnsName({ identifier, alias }: DnsName, options: DnsPathOptions): Promise<DnsPath[]> {
  const names = [identifier, ...(alias === undefined ? [] : [`${identifier}.${alias}`])].map(challengeName)
  const paths = await Promise.all(names.map((name) => readDnsPath(name, options)))
  return paths.filter((path) => path !== undefined)
}

/** Returns the gravest failure of a name's ways; nothing when all is well or nothing is known. Pure. */
export function judgeDnsName(
  { identifier, alias }: DnsName,
  paths: readonly DnsPath[],
  host: DnsHost,
): Failure | undefined {
  const answered = challengeName(alias === undefined ? identifier : `${identifier}.${alias}`)
  return paths.map((path) => dnsFailure(path, host, answered)).find((failure) => failure !== undefined)
}

/**
 * Returns what keeps a CA from the challenge, or what may; nothing when all is well or nothing is known. The gravest
 * counts. `answered` is the name that is answered in place of this one. Pure.
 */
export function dnsFailure(path: DnsPath, { machine, isShared }: DnsHost, answered = path.name): Failure | undefined {
  const { name, zone, servers, alias } = path
  if (alias !== undefined && alias !== answered)
    return new Failure('dns-alias', `${name} is an alias of ${alias}, and what is answered is ${answered}`)
  if (alias === undefined && name !== answered)
    return new Failure('dns-alias', `${name} is no alias of ${answered}, which is what is answered`)
  if (alias !== undefined) return undefined
  const known = servers.flatMap((server) => server.addresses.map((address) => ({ server, address })))
  const elsewhere = known.filter(({ address }) => !isHere(address, machine))
  if (known.length === 0) return undefined
  if (elsewhere.length === known.length) {
    const are = known.length === 1 ? 'which is not an address' : 'which are not addresses'
    return new Failure('dns-elsewhere', `a CA asks ${placesOf(servers)} for ${name}, ${are} of this machine`)
  }
  if (path.isSigned)
    return new Failure(
      'dns-signed',
      `the zone ${zone} is signed, and answers of certbot-nfq are not: a CA takes that for ${name} for forged`,
    )
  if (elsewhere.length === 0 || isShared) return undefined
  const others = servers.filter((server) => elsewhere.some((one) => one.server === server))
  const places = placesOf(others, new Set(elsewhere.map(({ address }) => address)))
  return new Failure('dns-other-servers', `a CA may ask ${places} for ${name}, and not this machine`)
}

function isHere(address: string, machine: readonly MachineAddress[]): boolean {
  return machine.some((own) => own.address === address) || whereIs(address, machine) === 'behind NAT'
}

/** Returns `ns1.example.com (192.0.2.1) and ns2.example.com (192.0.2.2)`. */
function placesOf(servers: readonly NameServer[], among?: ReadonlySet<string>): string {
  const places = servers.map(({ name, addresses }) => {
    const shown = addresses.filter((address) => !among || among.has(address))
    return shown.length === 0 ? name : `${name} (${shown.join(', ')})`
  })
  return places.join(' and ')
}

/** Returns the finding of `doctor` for a name. Pure. */
export function findingOfDns(name: DnsName, paths: readonly DnsPath[], host: DnsHost): Finding {
  const failure = judgeDnsName(name, paths, host)
  if (failure) return warn('name', failure.message, FIXES[failure.code])
  const last = paths.at(-1)
  if (!last || last.servers.every(({ addresses }) => addresses.length === 0))
    return warn(
      'name',
      `${challengeName(name.identifier)}: its name servers could not be looked up`,
      'see whether the resolver works (/etc/resolv.conf), or ask another, as by: --resolver 1.1.1.1',
    )
  return ok(
    'name',
    `${last.name}: asked of ${placesOf(last.servers)}, which leads here; its zone ${last.zone} is not signed`,
  )
}
