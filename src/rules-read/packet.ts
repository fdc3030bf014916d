/**
 * The packet that the firewall's rules are tried on: a validator's SYN, and how far a rule's condition is known to hold
 * for it. Pure.
 */
import { BlockList } from 'node:net'
import { versionOf } from '../network/addresses.js'
import type { IpVersion } from '../wire/ip.js'

/** Comes from outside, from any address, and starts a connection. */
export interface Packet {
  readonly version: IpVersion
  readonly port: number
  /** The addresses it may be for, those of this machine; canonical. */
  readonly destinations: readonly string[]
  /** The interfaces it may come in by. */
  readonly devices: readonly string[]
}

export type Match = 'yes' | 'no' | 'maybe'

/** For a rule with several conditions. */
export function all(matches: readonly Match[]): Match {
  if (matches.includes('no')) return 'no'
  return matches.includes('maybe') ? 'maybe' : 'yes'
}

/** For a condition with several values. */
export function any(matches: readonly Match[]): Match {
  if (matches.includes('yes')) return 'yes'
  return matches.includes('maybe') ? 'maybe' : 'no'
}

/** For a condition that is turned round. */
export function not(match: Match): Match {
  return match === 'maybe' ? 'maybe' : match === 'yes' ? 'no' : 'yes'
}

/** Whether the destination port lies in a range, both ends included. */
export function portWithin({ port }: Packet, from: number, to = from): Match {
  return port >= from && port <= to ? 'yes' : 'no'
}

/**
 * Whether it comes in by an interface; a pattern that ends in `wildcard` (`+` of iptables, `*` of nft) stands for all
 * that begin so.
 */
export function deviceIs({ devices }: Packet, pattern: string, wildcard: '+' | '*'): Match {
  const isMeant = (device: string) =>
    pattern.endsWith(wildcard) ? device.startsWith(pattern.slice(0, -1)) : device === pattern
  return share(devices, isMeant)
}

/** Whether it is for an address or a network (`192.0.2.0/24`). */
export function destinationWithin({ destinations, version }: Packet, network: string): Match {
  const [address = '', length] = network.split('/')
  if (versionOf(address) !== version) return 'no'
  const family = version === 6 ? 'ipv6' : 'ipv4'
  const list = new BlockList()
  try {
    list.addSubnet(address, Number(length ?? (version === 6 ? 128 : 32)), family)
  } catch {
    // A mask that is no prefix length.
    return 'maybe'
  }
  return share(destinations, (destination) => list.check(destination, family))
}

function share(values: readonly string[], isMeant: (value: string) => boolean): Match {
  if (values.length === 0) return 'maybe'
  if (values.every(isMeant)) return 'yes'
  return values.some(isMeant) ? 'maybe' : 'no'
}
