/** Sends complete IP packets of our own by raw sockets with IPPROTO_RAW (raw(7), ipv6(7)). */
import { refusedRight } from '../failure.js'
import { endianness } from 'node:os'
import { getSystemErrorName } from 'node:util'
import { loadLibc, type Libc } from './libc.js'

/**
 * Sends one IP packet. `interfaceIndex` matters for link-local destinations only. Returns nothing, or the name of the
 * error (`EPERM`: a rule dropped it; `EMSGSIZE`: the link takes none that long).
 */
export type SendPacket = (packet: Uint8Array, interfaceIndex: number) => string | undefined

const AF_INET = 2
const AF_INET6 = 10
const SOCK_RAW = 3
const SOCK_CLOEXEC = 0o2000000
const IPPROTO_RAW = 255
const IPPROTO_IP = 0
const IP_MTU_DISCOVER = 10
const IP_PMTUDISC_OMIT = 5
const IP_FREEBIND = 15
const IPPROTO_IPV6 = 41
const IPV6_FREEBIND = 78
const MSG_DONTWAIT = 0x40

/** Sockets kept open, one for each source address. */
const MAX_SOCKETS = 32

/**
 * Opens the sender. A socket is bound to each source address that it forges, because only then does the kernel choose
 * the route by it: on a host with two uplinks and `ip rule from …` the reply leaves where the request came in. It is
 * bound with FREEBIND, because the address of a container is not this host's.
 * @throws Failure `not-root`, `capability-missing`, `native-module`
 */
export async function openRawSockets(): Promise<SendPacket> {
  const libc = await loadLibc()
  const sockets = new Map<string, number>()
  libc.close(openSocket(libc, AF_INET))
  return (packet, interfaceIndex) => {
    const isV6 = (packet[0] ?? 0) >> 4 === 6
    const source = isV6 ? packet.subarray(8, 24) : packet.subarray(12, 16)
    const destination = isV6 ? packet.subarray(24, 40) : packet.subarray(16, 20)
    const socket = socketFor(libc, sockets, source)
    const address = sockaddr(destination, interfaceIndex)
    const sent = libc.sendto(socket, packet, packet.length, MSG_DONTWAIT, address, address.length)
    return sent < 0 ? getSystemErrorName(-libc.errno()) : undefined
  }
}

function socketFor(libc: Libc, sockets: Map<string, number>, source: Uint8Array): number {
  const key = source.join()
  const known = sockets.get(key)
  if (known !== undefined) return known
  for (const [oldest, fd] of sockets) {
    if (sockets.size < MAX_SOCKETS) break
    libc.close(fd)
    sockets.delete(oldest)
  }
  const isV6 = source.length === 16
  const socket = openSocket(libc, isV6 ? AF_INET6 : AF_INET)
  const set = (level: number, option: number, value: number) => {
    const bytes = Uint8Array.from(endianness() === 'LE' ? [value, 0, 0, 0] : [0, 0, 0, value])
    libc.setsockopt(socket, level, option, bytes, bytes.length)
  }
  if (isV6) set(IPPROTO_IPV6, IPV6_FREEBIND, 1)
  else {
    set(IPPROTO_IP, IP_FREEBIND, 1)
    // Anybody can claim by ICMP that the path takes less. The kernel would drop a segment then, or cut a datagram in
    // pieces. Name servers set this too. With IPv6 no path takes less than we send.
    set(IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT)
  }
  const address = sockaddr(source, 0)
  // A link-local source cannot be bound without its interface. The packet is sent unbound then, by the scope of its
  // destination.
  libc.bind(socket, address, address.length)
  sockets.set(key, socket)
  return socket
}

function openSocket(libc: Libc, family: number): number {
  const socket = libc.socket(family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW)
  if (socket < 0) throw refusedRight(`no raw socket to be had (${getSystemErrorName(-libc.errno())})`)
  return socket
}

/**
 * sockaddr_in:  family (2, host order), port (2), address (4), zero (8). sockaddr_in6: family (2, host order), port
 * (2), flow information (4), address (16), scope id (4, host order). For raw sockets the port is 0.
 */
function sockaddr(address: Uint8Array, interfaceIndex: number): Uint8Array {
  const isV6 = address.length === 16
  const isLittleEndian = endianness() === 'LE'
  const bytes = new Uint8Array(isV6 ? 28 : 16)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, isV6 ? AF_INET6 : AF_INET, isLittleEndian)
  bytes.set(address, isV6 ? 8 : 4)
  const isLinkLocal = isV6 && address[0] === 0xfe && ((address[1] ?? 0) & 0xc0) === 0x80
  if (isLinkLocal) view.setUint32(24, interfaceIndex, isLittleEndian)
  return bytes
}
