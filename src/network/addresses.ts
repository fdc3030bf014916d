/** The addresses of this machine, and the kinds of addresses. A hook loads this file, so it imports little. */
import { BlockList } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { IpVersion } from '../wire/ip.js'

/** Who can reach an address: everybody, the site, the link, this machine. Documentation ranges count as public. */
export type Reach = 'public' | 'private' | 'link-local' | 'loopback'

/** An address of this machine. */
export interface MachineAddress {
  /** As {@link canonical} writes it. */
  readonly address: string
  readonly version: IpVersion
  readonly reach: Reach
  /** The interface's name. */
  readonly device: string
}

/** Returns every address of this network namespace, in the kernel's order. Link-local ones have no zone. */
export function addressesOfMachine(): MachineAddress[] {
  return Object.entries(networkInterfaces()).flatMap(([device, addresses = []]) =>
    addresses.map(({ address: text }) => {
      const address = canonical(text)
      return { address, version: versionOf(address), reach: reachOf(address), device }
    }),
  )
}

/** Returns 6 for an address with a colon, otherwise 4. */
export function versionOf(address: string): IpVersion {
  return address.includes(':') ? 6 : 4
}

/** Returns the canonical form of an IPv6 address (RFC 5952), without a zone. Any other text is returned as it is. */
export function canonical(address: string): string {
  const [bare = ''] = address.split('%')
  const url = bare.includes(':') && URL.canParse(`http://[${bare}]/`) ? new URL(`http://[${bare}]/`) : undefined
  return url ? url.hostname.slice(1, -1) : bare
}

/** Returns who can reach an address. What is not an address counts as public. */
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
