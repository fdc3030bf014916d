/** A cable between this machine and a namespace with one client, as lines for ip(8). */
import type { IpVersion } from '../../wire/ip.js'

/** A cable that is planned. */
export interface Cable {
  /** The name of the interface on this machine. */
  readonly name: string
  /** The networks it takes, by IP version. */
  readonly networks: Readonly<Record<IpVersion, string>>
  /** Lines for the client's namespace, where the cable is made. */
  readonly inside: readonly string[]
  /** Lines for this machine. */
  readonly outside: readonly string[]
}

/**
 * IPv4 networks that no host is given (RFC 6890), in the order in which they are tried. First comes the second half of
 * the one for tests of devices (RFC 2544), because proxies use the first half for invented addresses. Then come those
 * for documentation (RFC 5737). Link-local and shared networks are not used, because clouds have their services there.
 */
const IPV4_NETWORKS = ['198.19', '192.0.2', '198.51.100', '203.0.113'] as const

/** The number of attempts at a cable. */
export const ATTEMPTS = IPV4_NETWORKS.length

/**
 * Plans a cable. `random` is 6 bytes, so that two cables at once differ. `attempt` counts from 0. `pid` is a process of
 * this machine's namespace.
 *
 * The client has routes to `addresses`, which are this machine's own, and to no other. So it answers no other address,
 * whatever this machine forwards.
 *
 * IPv4 takes two addresses (RFC 3021), never the first or the last of 256. IPv6 takes a unique local network (RFC
 * 4193). Its third group is never 0, which is what people use who number by hand. Duplicate address detection is left
 * out, because it takes a second.
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
    // Neighbour discovery uses such an address as its source.
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

/** Returns the lines in the form that `ip -batch -` reads. */
export function formatBatch(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('')
}
