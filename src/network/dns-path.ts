/** Which name servers a CA asks for the challenge of a name, as far as the DNS tells. */
import { Resolver } from 'node:dns/promises'
import { TYPES } from '../wire/dns/dns.js'
import { canonical } from './addresses.js'
import { askDns } from './ask-dns.js'

/** A name server, with the addresses that its name has; none if they are not known. */
export interface NameServer {
  readonly name: string
  readonly addresses: readonly string[]
}

/** The way to a name. */
export interface DnsPath {
  readonly name: string
  /** The zone whose servers answer for the name: the name itself if it is delegated. */
  readonly zone: string
  readonly servers: readonly NameServer[]
  /** Whether the zone's parent says that the zone is signed; undefined when that is not known. */
  readonly isSigned: boolean | undefined
  /** What the name is an alias for. It is not followed. */
  readonly alias: string | undefined
}

/** Which resolver to ask, and for how long. */
export interface DnsPathOptions {
  /** As in network/names.ts. */
  readonly resolver?: string | undefined
  /** Milliseconds for everything together. */
  readonly timeLimit: number
}

/**
 * Finds the way to a name. Resolves to nothing when the time is over, or when the zone is not found. It throws only for
 * a `resolver` that is not an address.
 */
export async function readDnsPath(
  name: string,
  { resolver: server, timeLimit }: DnsPathOptions,
): Promise<DnsPath | undefined> {
  const resolver = new Resolver({ timeout: Math.ceil(timeLimit / 2), tries: 2 })
  if (server !== undefined) resolver.setServers([server])
  const ended = new AbortController()
  const timer = setTimeout(() => {
    resolver.cancel()
    ended.abort()
  }, timeLimit)
  try {
    return await findPath(name, resolver, ended.signal)
  } finally {
    clearTimeout(timer)
    ended.abort()
  }
}

async function findPath(name: string, resolver: Resolver, signal: AbortSignal): Promise<DnsPath | undefined> {
  const parent = await findZone(name, resolver)
  if (!parent) return undefined
  const { alias, below } = await askZone(name, parent, signal)
  const zone = below?.zone ?? parent.zone
  const [servers, isSigned] = await Promise.all([
    below ? locate(below.names, resolver) : parent.servers,
    hasKeyAbove(zone, resolver, signal),
  ])
  return { name, zone, servers, isSigned, alias }
}

interface LocatedZone {
  readonly zone: string
  readonly servers: readonly NameServer[]
}

/** Returns the zone that the name is in. That the name itself is one is seen from above only: see {@link askZone}. */
async function findZone(name: string, resolver: Resolver): Promise<LocatedZone | undefined> {
  const labels = name.split('.')
  const above = labels.slice(1).map((_, at) => labels.slice(at + 1).join('.'))
  const found = await Promise.all(above.map((zone) => resolver.resolveNs(zone).catch(() => [])))
  const at = found.findIndex((names) => names.length > 0)
  const [zone, names] = [above[at], found[at]]
  return zone !== undefined && names ? { zone, servers: await locate(names, resolver) } : undefined
}

/** Returns name servers with their addresses. */
async function locate(names: readonly string[], resolver: Resolver): Promise<NameServer[]> {
  return Promise.all(
    names.map(async (name) => {
      const found = await Promise.all(
        [resolver.resolve4(name), resolver.resolve6(name)].map((one) => one.catch(() => [])),
      )
      return { name, addresses: found.flat().map(canonical) }
    }),
  )
}

/**
 * Asks the servers of a zone whether a name in it is an alias, or delegated, and to whom. The question is for the SOA,
 * which a name server answers itself while a challenge is armed. The first response counts.
 */
async function askZone(
  name: string,
  { zone, servers }: LocatedZone,
  signal: AbortSignal,
): Promise<{
  readonly alias: string | undefined
  readonly below: { readonly zone: string; readonly names: readonly string[] } | undefined
}> {
  const question = { name, type: TYPES.SOA, isRecursionDesired: false }
  const addresses = servers.flatMap((server) => server.addresses)
  const response = await Promise.any(
    addresses.map(async (address) => (await askDns(address, question, signal)) ?? Promise.reject(new Error('silent'))),
  ).catch(() => undefined)
  const alias = response?.answers.find((record) => record.name === name && record.type === TYPES.CNAME)?.target
  const referral = response?.authority.filter(
    ({ name: owner, type }) =>
      type === TYPES.NS && owner.length > zone.length && (owner === name || name.endsWith(`.${owner}`)),
  )
  const [first] = referral ?? []
  const names = referral?.flatMap(({ target }) => (target === undefined ? [] : [target])) ?? []
  return { alias, below: alias === undefined && first ? { zone: first.name, names } : undefined }
}

/** Returns whether the parent of a zone has a DS record for it: then unsigned answers of the zone count as forged. */
async function hasKeyAbove(zone: string, resolver: Resolver, signal: AbortSignal): Promise<boolean | undefined> {
  const [server] = resolver.getServers()
  if (server === undefined) return undefined
  const response = await askDns(server, { name: zone, type: TYPES.DS, isRecursionDesired: true }, signal)
  return response?.rcode === 0 ? response.answers.some(({ type }) => type === TYPES.DS) : undefined
}
