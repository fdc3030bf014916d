/** The DNS around the lab's server: a root, com and net, what a provider serves, and the CA's resolver. */
import { join } from 'node:path'
import { mkdir } from 'node:fs/promises'
import type { Lab, Service } from '../../src/lab/lab.js'
import { startNameServer, type Zone } from './name-servers.js'
import { startResolver, type ResolverOptions } from './resolver.js'
import { signZone, type SignedZone } from './sign-zone.js'

/** The addresses of the root, the domains below it, and the provider: one name server serves them all. */
export const PROVIDER = ['192.0.2.3', '2001:db8::3'] as const
/** The address of the resolver, for machines of the lab. */
export const RESOLVER = '192.0.2.4'

/** The start of a zone. Its name server is `ns`, a name with its dot or one of the zone. */
export function startOfZone(ns: string): string[] {
  return [`@ SOA ${ns} hostmaster.example.com. 1 3600 600 86400 60`, `@ NS ${ns}`]
}

/** Where names lead to, and how the resolver asks. */
export interface WorldOptions {
  /** The zones that the provider serves. */
  readonly provided?: readonly Zone[]
  /** Further records of com and net. */
  readonly com?: readonly string[]
  readonly net?: readonly string[]
  /** Whether root, com, net and the provider's zones are signed. */
  readonly isSigned?: boolean
  readonly resolver?: Pick<ResolverOptions, 'isMinimising' | 'isTcpOnly'>
}

/** What runs. */
export interface World {
  readonly resolver: Service
  readonly provider: Service
}

/** Starts all of it in the lab's validator namespace. */
export async function startWorld(lab: Lab, options: WorldOptions): Promise<World> {
  const { validator } = lab
  for (const address of [...PROVIDER, RESOLVER]) await validator.addAddress(address)
  const directory = join(lab.directory, 'dns')
  await mkdir(directory)
  const seal = async (zone: Zone): Promise<SignedZone> =>
    options.isSigned ? signZone(directory, zone) : { ...zone, ds: [] }
  const provided = await Promise.all((options.provided ?? []).map(seal))
  const domain = (name: string, records: readonly string[] = []): Promise<SignedZone> => {
    const children = provided.filter((zone) => zone.name.endsWith(`.${name}`))
    return seal({
      name,
      records: [
        ...startOfZone('a.root.'),
        ...records,
        ...children.flatMap(({ name, ds }) => [`${name} NS a.root.`, ...ds]),
      ],
    })
  }
  const domains = await Promise.all([domain('com.', options.com), domain('net.', options.net)])
  const root = await seal({
    name: '.',
    records: [
      ...startOfZone('a.root.'),
      ...PROVIDER.map((address) => `a.root. ${address.includes(':') ? 'AAAA' : 'A'} ${address}`),
      ...domains.flatMap(({ name, ds }) => [`${name} NS a.root.`, ...ds]),
    ],
  })
  const zones = [root, ...domains, ...provided]
  const provider = await startNameServer('nsd', { namespace: validator, directory, addresses: PROVIDER, zones })
  const resolver = await startResolver({
    namespace: validator,
    directory,
    root: PROVIDER,
    address: RESOLVER,
    ...(options.isSigned && { anchor: root.ds }),
    ...options.resolver,
  })
  return { provider, resolver }
}
