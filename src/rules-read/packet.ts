/**
 * The packet that rules are tried on, a validator's SYN, and how far the condition of a rule is known to hold for it.
 * Pure.
 */
import { BlockList } from 'node:net'
import { versionOf } from '../network/addresses.js'
import type { IpVersion } from '../wire/ip.js'

/** A packet from outside, from any address, that opens a connection. */
export interface Packet {
  readonly version: IpVersion
  readonly port: number
  /** The addresses of this machine, in canonical form. It may be for any of them. */
  readonly destinations: readonly string[]
  /** The interfaces it may come in by. */
  readonly devices: readonly string[]
}

/** Whether a condition holds for the packet; `maybe` when that cannot be known. */
export type Match = 'yes' | 'no' | 'maybe'

/** Returns how far a rule holds that has several conditions. */
export function all(matches: readonly Match[]): Match {
  if (matches.includes('no')) return 'no'
  return matches.includes('maybe') ? 'maybe' : 'yes'
}

/** Returns how far a condition holds that allows several values. */
export function any(matches: readonly Match[]): Match {
  if (matches.includes('yes')) return 'yes'
  return matches.includes('maybe') ? 'maybe' : 'no'
}

/** Returns how far the opposite of a condition holds. */
export function not(match: Match): Match {
  return match === 'maybe' ? 'maybe' : match === 'yes' ? 'no' : 'yes'
}

/** Returns whether the destination port is in a range, both ends included. */
export function portWithin({ port }: Packet, from: number, to = from): Match {
  return port >= from && port <= to ? 'yes' : 'no'
}

/**
 * Returns whether it comes in by an interface. A pattern that ends in `wildcard` (`+` of iptables, `*` of nft) matches
 * every name that begins with it.
 */
export function deviceIs({ devices }: Packet, pattern: string, wildcard: '+' | '*'): Match {
  const isMeant = (device: string) =>
    pattern.endsWith(wildcard) ? device.startsWith(pattern.slice(0, -1)) : device === pattern
  return share(devices, isMeant)
}

/** Returns whether it is for an address, or an address in a network such as `192.0.2.0/24`. */
export function destinationWithin({ destinations, version }: Packet, network: string): Match {
  const [address = '', length] = network.split('/')
  if (versionOf(address) !== version) return 'no'
  const family = version === 6 ? 'ipv6' : 'ipv4'
  const list = new BlockList()
  try {
    list.addSubnet(address, Number(length ?? (version === 6 ? 128 : 32)), family)
  } catch {
    // The mask is not a prefix length.
    return 'maybe'
  }
  return share(destinations, (destination) => list.check(destination, family))
}

function share(values: readonly string[], isMeant: (value: string) => boolean): Match {
  if (values.length === 0) return 'maybe'
  if (values.every(isMeant)) return 'yes'
  return values.some(isMeant) ? 'maybe' : 'no'
}
