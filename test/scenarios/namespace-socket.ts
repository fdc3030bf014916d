/**
 * Sockets in a lab's namespaces, held by this process. The test decides about every byte and every system call, and no
 * program has to start.
 */
import { closeSync, openSync } from 'node:fs'
import koffi from 'koffi'
import { loadLibc } from '../../src/kernel/libc.js'
import type { Namespace } from '../../src/lab/lab.js'

/** Names of socket(2) and its relatives, as Linux numbers them on every architecture Node runs on. */
export const AF_INET = 2
export const AF_INET6 = 10
export const AF_PACKET = 17
export const SOCK_STREAM = 1
export const SOCK_DGRAM = 2
export const SOL_SOCKET = 1
export const SO_REUSEADDR = 2
export const SO_RCVTIMEO = 20
export const SO_SNDTIMEO = 21
export const IPPROTO_IPV6 = 41
export const IPV6_V6ONLY = 26

const SOCK_CLOEXEC = 0o2000000
const CLONE_NEWNET = 0x40000000
const SIOCOUTQ = 0x5411
const EINTR = 4

const libc = await loadLibc()
const library = koffi.load(null)
const setns = library.func('int setns(int, int)') as (fd: number, type: number) => number
const ioctl = library.func('int ioctl(int, unsigned long, void *)') as (
  fd: number,
  request: number,
  value: Int32Array,
) => number
const connect = library.func('int connect(int, const void *, uint32_t)') as (
  fd: number,
  address: Uint8Array,
  length: number,
) => number
const listen = library.func('int listen(int, int)') as (fd: number, backlog: number) => number
const home = openSync('/proc/self/ns/net', 'r')

/** A socket that belongs to the namespace for as long as it is open. */
export function socketIn({ name }: Namespace, domain: number, type: number, protocol = 0): number {
  const namespace = openSync(`/run/netns/${name}`, 'r')
  try {
    // Only this thread changes over, and nothing else runs on it in between.
    check('setns', setns(namespace, CLONE_NEWNET))
    return check('socket', libc.socket(domain, type | SOCK_CLOEXEC, protocol))
  } finally {
    check('setns', setns(home, CLONE_NEWNET))
    closeSync(namespace)
  }
}

/** setsockopt(2) with a number, or with a time in milliseconds for the two time-outs. */
export function setOption(fd: number, level: number, name: number, value: number): void {
  const isTime = level === SOL_SOCKET && (name === SO_RCVTIMEO || name === SO_SNDTIMEO)
  const bytes = new Uint8Array(
    isTime
      ? BigInt64Array.of(BigInt(Math.trunc(value / 1000)), BigInt((value % 1000) * 1000)).buffer
      : Int32Array.of(value).buffer,
  )
  check('setsockopt', libc.setsockopt(fd, level, name, bytes, bytes.length))
}

/** bind(2), with any kind of socket address. */
export function bindTo(fd: number, address: Uint8Array): void {
  check('bind', libc.bind(fd, address, address.length))
}

/** connect(2), which waits for the other side, a minute at most. */
export function connectTo(fd: number, address: Uint8Array): void {
  setOption(fd, SOL_SOCKET, SO_SNDTIMEO, 60_000)
  check(
    'connect',
    untilDone(() => connect(fd, address, address.length)),
  )
}

/**
 * Makes a system call again for as long as a signal interrupts it, for example SIGCHLD when a child of this process
 * ends. With a time limit on the socket the kernel does not do so by itself (signal(7)). For connect(2) this is right
 * on Linux: the second call waits for the connection that the first has begun.
 */
export function untilDone(call: () => number): number {
  let result: number
  do result = call()
  while (result < 0 && libc.errno() === EINTR)
  return result
}

/** listen(2) with room for a burst. */
export function listenOn(fd: number): void {
  check('listen', listen(fd, 512))
}

/** sendto(2); throws with the error's number when the kernel refuses. */
export function sendTo(fd: number, bytes: Uint8Array, address: Uint8Array): void {
  check('sendto', libc.sendto(fd, bytes, bytes.length, 0, address, address.length))
}

/** Bytes written to a TCP socket that the other side's kernel has not acknowledged yet (tcp(7), SIOCOUTQ). */
export function unacknowledged(fd: number): number {
  const value = new Int32Array(1)
  check('ioctl', ioctl(fd, SIOCOUTQ, value))
  return value[0] ?? 0
}

/** sockaddr_in or sockaddr_in6 of an address in text form; `0.0.0.0` and `::` are any. */
export function internetAddress(text: string, port: number): Uint8Array {
  const address = parseAddress(text)
  const bytes = new Uint8Array(address.length === 4 ? 16 : 28)
  bytes.set(new Uint8Array(Uint16Array.of(address.length === 4 ? AF_INET : AF_INET6).buffer))
  bytes.set([port >> 8, port & 0xff], 2)
  bytes.set(address, address.length === 4 ? 4 : 8)
  return bytes
}

/** 4 or 16 bytes. */
export function parseAddress(text: string): Uint8Array {
  if (!text.includes(':')) return Uint8Array.from(text.split('.').map(Number))
  const [head = '', tail = ''] = text.split('::')
  const groups = (part: string) => (part === '' ? [] : part.split(':').map((group) => parseInt(group, 16)))
  const [before, after] = [groups(head), groups(tail)]
  const all = [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after]
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 0xff]))
}

function check(what: string, result: number): number {
  if (result < 0) throw new Error(`${what}: errno ${libc.errno()}`)
  return result
}
