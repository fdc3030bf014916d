/** A cable between this machine and a namespace for one client, as lines for ip(8). */
import type { IpVersion } from '../../wire/ip.js'

export interface Cable {
  /** Of the end on this machine. */
  readonly name: string
  /** The networks it takes, by IP version. */
  readonly networks: Readonly<Record<IpVersion, string>>
  /** Lines for the namespace of the client, where the cable is made. */
  readonly inside: readonly string[]
  /** Lines for this machine. */
  readonly outside: readonly string[]
}

/**
 * IPv4 networks that no host is given (RFC 6890), in the order in which they are tried: the second half of those for
 * tests of devices (RFC 2544; the first is known for addresses that proxies invent), then those for documentation (RFC
 * 5737). Link-local and shared ones are where clouds have their services.
 */
const IPV4_NETWORKS = ['198.19', '192.0.2', '198.51.100', '203.0.113'] as const

/** There are so many attempts at a cable. */
export const ATTEMPTS = IPV4_NETWORKS.length

/**
 * `random`: 6 bytes, that two at once differ by; `attempt` counts from 0; `pid` is a process of this machine's
 * namespace, `addresses` are those of this machine that the client asks: it has a way to no other, and so answers no
 * other either, whatever this machine forwards. IPv4 takes two addresses (RFC 3021), never the first or last of 256.
 * IPv6 takes a unique local network (RFC 4193), whose third group is never 0, as it is in networks that people number
 * by hand; duplicate detection is left out, for it takes a second.
 */
export function planCable(random: Uint8Array, attempt: number, pid: number, addresses: readonly string[]): Cable {
  const [one = 0, two = 0, three = 0, four = 0, five = 0, six = 0] = random
  const hex = (...bytes: number[]) => bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('')
  const name = `cnfq${hex(one, two, three, four)}`
  const network = IPV4_NETWORKS[attempt % ATTEMPTS] ?? IPV4_NETWORKS[0]
  const first = 2 + (six % 126) * 2
  const ipv4 = (end: 0 | 1) => [network, ...(network.split('.').length === 2 ? [five] : []), first + end].join('.')
  const ipv6 = (end: '' | 1 | 2) => `fd${hex(one)}:${hex(two, three)}:${hex(four, five | 1)}::${end}`
  const up = (device: string, end: 0 | 1) => [
    `link set ${device} addrgenmode none`,
    `link set ${device} up`,
    `address add ${ipv4(end)}/31 dev ${device}`,
    `address add ${ipv6(end === 0 ? 1 : 2)}/64 dev ${device} nodad`,
    // Neighbours are asked for from such a one.
    `address add fe80::${end + 1}/64 dev ${device} nodad`,
  ]
  const ways = [...new Set(addresses)].map(
    (address) => `route add ${address} via ${address.includes(':') ? ipv6(1) : ipv4(0)} dev check0`,
  )
  return {
    name,
    networks: { 4: `${ipv4(0)}/31`, 6: `${ipv6('')}/64` },
    inside: [`link add check0 type veth peer name ${name} netns ${pid}`, ...up('check0', 1), ...ways],
    outside: up(name, 0),
  }
}

/** As `ip -batch -` reads it. */
export function formatBatch(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('')
}
