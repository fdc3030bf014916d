/** A cable between this machine and a namespace for one client, as lines for ip(8). */

export interface Cable {
  /** Of the end on this machine. */
  readonly name: string
  /** Lines for the namespace of the client, where the cable is made. */
  readonly inside: readonly string[]
  /** Lines for this machine. */
  readonly outside: readonly string[]
}

/**
 * `random`: 6 bytes, that two at once differ by. Addresses are link-local (RFC 3927) and unique local ones (RFC 4193); the IPv6 ones skip duplicate
 * detection, which takes a second. `pid`: a process of the other namespace.
 */
export function planCable(random: Uint8Array, pid: number): Cable {
  const [one = 0, two = 0, ...rest] = random
  const hex = [one, two, ...rest].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  const name = `cnfq${hex.slice(0, 8)}`
  // Neither the first nor the last 256, which are reserved.
  const ipv4 = (end: number) => `169.254.${1 + (one % 254)}.${(two & 0xfc) + end}`
  const ipv6 = (end: number) => `fd${hex.slice(0, 2)}:${hex.slice(2, 6)}:${hex.slice(6, 10)}::${end}`
  const up = (device: string, end: number) => [
    `link set ${device} addrgenmode none`,
    `link set ${device} up`,
    `address add ${ipv4(end)}/30 dev ${device}`,
    `address add ${ipv6(end)}/64 dev ${device} nodad`,
    // Neighbours are asked for from such a one.
    `address add fe80::${end}/64 dev ${device} nodad`,
  ]
  return {
    name,
    inside: [`link add check0 type veth peer name ${name} netns ${pid}`, 'link set lo up', ...up('check0', 2), `route add default via ${ipv4(1)} dev check0`, `route add default via ${ipv6(1)} dev check0`],
    outside: up(name, 1),
  }
}

/** As `ip -batch -` reads it. */
export function formatBatch(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('')
}
