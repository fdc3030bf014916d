/** The addresses of this machine, and what kind an address is. Light: a hook loads it too. */
import { BlockList } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { IpVersion } from '../wire/ip.js'

/** Who can reach an address: everybody, the site, the link, this machine. Documentation ranges count as public. */
export type Reach = 'public' | 'private' | 'link-local' | 'loopback'

export interface MachineAddress {
  /** As {@link canonical} writes it. */
  readonly address: string
  readonly version: IpVersion
  readonly reach: Reach
  /** The interface's name. */
  readonly device: string
}

/** Every address of this network namespace, in the kernel's order; link-local ones without their zone. */
export function addressesOfMachine(): MachineAddress[] {
  return Object.entries(networkInterfaces()).flatMap(([device, addresses = []]) =>
    addresses.map(({ address: text }) => {
      const address = canonical(text)
      return { address, version: versionOf(address), reach: reachOf(address), device }
    }),
  )
}

/** 6 for what has a colon. */
export function versionOf(address: string): IpVersion {
  return address.includes(':') ? 6 : 4
}

/** The one way to write an IPv6 address (RFC 5952), without a zone; anything else comes back as it is. */
export function canonical(address: string): string {
  const [bare = ''] = address.split('%')
  const url = bare.includes(':') && URL.canParse(`http://[${bare}]/`) ? new URL(`http://[${bare}]/`) : undefined
  return url ? url.hostname.slice(1, -1) : bare
}

/** What kind an address is; what is not an address counts as public. */
export function reachOf(address: string): Reach {
  const family = versionOf(address) === 6 ? 'ipv6' : 'ipv4'
  return (
    (Object.keys(ranges) as (keyof typeof ranges)[]).find((reach) => ranges[reach].check(address, family)) ?? 'public'
  )
}

const ranges = {
  // RFC 1122, 3.2.1.3; RFC 4291, 2.5.3.
  'loopback': blockList(['127.0.0.0', 8], ['::1', 128]),
  // RFC 3927; RFC 4291, 2.5.6.
  'link-local': blockList(['169.254.0.0', 16], ['fe80::', 10]),
  // RFC 1918, RFC 6598; RFC 4193.
  'private': blockList(['10.0.0.0', 8], ['172.16.0.0', 12], ['192.168.0.0', 16], ['100.64.0.0', 10], ['fc00::', 7]),
}

function blockList(...networks: readonly (readonly [string, number])[]): BlockList {
  const list = new BlockList()
  for (const [network, prefix] of networks) list.addSubnet(network, prefix, versionOf(network) === 6 ? 'ipv6' : 'ipv4')
  return list
}
