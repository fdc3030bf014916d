/**
 * Reads the packets of every interface, loopback included, in both directions, by a packet socket (packet(7)). Nothing
 * on the machine is changed.
 */
import { endianness } from 'node:os'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { getSystemErrorName } from 'node:util'
import { Failure, refusedRight } from '../failure.js'
import { loadLibc, type Libc } from './libc.js'

/** One instruction of classic BPF (struct sock_filter). */
export interface FilterInstruction {
  readonly code: number
  readonly jt: number
  readonly jf: number
  readonly k: number
}

/**
 * Takes an IP packet, cut as the filter says, and the time when the kernel saw it, in milliseconds since 1970. The
 * bytes are overwritten once it returns.
 */
export type TakePacket = (packet: Uint8Array, at: number) => void

/** An open packet socket. */
export interface PacketCapture {
  /**
   * Passes packets to `take` until `stop` is called. `rest` is called in between, about ten times a second. Resolves
   * once stopped and closed.
   */
  run(take: TakePacket, rest: () => void): Promise<void>
  /** Ends it within 100 ms. */
  stop(): void
  /** Returns the number of packets that the kernel had no room for since the last call. */
  missed(): number
}

const AF_PACKET = 17
const SOCK_DGRAM = 2
const SOCK_CLOEXEC = 0o2000000
const ETH_P_ALL = 0x0003
const SOL_SOCKET = 1
const SO_RCVBUF = 8
const SO_RCVBUFFORCE = 33
const SOL_PACKET = 263
const PACKET_STATISTICS = 6
const MSG_DONTWAIT = 0x40
const POLLIN = 1
/** _IOR(0x89, 7, long long[2]): seconds and nanoseconds of the last packet read. Linux has this form since 5.1. */
const SIOCGSTAMPNS_NEW = 0x80108907

/** Kernel memory for packets not yet taken. */
const BUFFER_BYTES = 8 * 2 ** 20
/** The number of packets taken before timers and signals are handled. */
const BATCH = 512
const WAIT_MILLISECONDS = 100

/**
 * Opens a socket for the packets that the filter selects. The filter also says how many bytes of a packet are wanted,
 * at most `length`.
 * @throws Failure `not-root`, `capability-missing`, `capture-unavailable`, `native-module`
 */
export async function openPacketCapture(filter: readonly FilterInstruction[], length: number): Promise<PacketCapture> {
  const libc = await loadLibc()
  const fd = openSocket(libc, filter)
  const buffer = new Uint8Array(length)
  const stamp = new Uint8Array(16)
  const descriptor = pollDescriptor(fd)
  let isStopped = false
  return {
    stop: () => (isStopped = true),
    missed: () => missedPackets(libc, fd),
    async run(take, rest) {
      try {
        for (let restedAt = -Infinity; !isStopped;) {
          const taken = takeBatch(libc, fd, buffer, stamp, take)
          if (performance.now() - restedAt >= WAIT_MILLISECONDS / 2) {
            rest()
            restedAt = performance.now()
          }
          if (taken === BATCH) await nextTurn()
          else await libc.poll(descriptor, 1, WAIT_MILLISECONDS)
        }
      } finally {
        libc.close(fd)
      }
    },
  }
}

function openSocket(libc: Libc, filter: readonly FilterInstruction[]): number {
  // Protocol 0: nothing arrives before the filter is attached.
  const fd = libc.socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0)
  if (fd < 0) throw refused(libc)
  const size = numbers(BUFFER_BYTES)
  if (libc.setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, size, 4) < 0) libc.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, size, 4)
  // The first request for a timestamp makes the kernel stamp the packets from now on.
  libc.ioctl(fd, SIOCGSTAMPNS_NEW, new Uint8Array(16))
  const address = linkAddress()
  if (libc.attachFilter(fd, encode(filter), filter.length) < 0 || libc.bind(fd, address, address.length) < 0) {
    const failure = refused(libc)
    libc.close(fd)
    throw failure
  }
  return fd
}

function refused(libc: Libc): Failure {
  const error = getSystemErrorName(-libc.errno())
  const message = `no packet socket to be had (${error})`
  return error === 'EPERM' || error === 'EACCES' ? refusedRight(message) : new Failure('capture-unavailable', message)
}

/** Takes the packets that are there, up to a limit. Returns their number. */
function takeBatch(libc: Libc, fd: number, buffer: Uint8Array, stamp: Uint8Array, take: TakePacket): number {
  for (let taken = 0; taken < BATCH; taken++) {
    const length = libc.recv(fd, buffer, buffer.length, MSG_DONTWAIT)
    // Nothing is there, or an interface went down (ENETDOWN), which is reported once.
    if (length < 0) return taken
    take(buffer.subarray(0, length), libc.ioctl(fd, SIOCGSTAMPNS_NEW, stamp) < 0 ? Date.now() : milliseconds(stamp))
  }
  return BATCH
}

function milliseconds(stamp: Uint8Array): number {
  const view = new DataView(stamp.buffer)
  return Number(view.getBigInt64(0, isLittleEndian)) * 1_000 + Number(view.getBigInt64(8, isLittleEndian)) / 1e6
}

/** struct tpacket_stats: packets, drops; reading sets both back to 0. */
function missedPackets(libc: Libc, fd: number): number {
  const statistics = new Uint8Array(8)
  const read = libc.getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, statistics, numbers(8))
  return read < 0 ? 0 : new DataView(statistics.buffer).getUint32(4, isLittleEndian)
}

/**
 * sockaddr_ll: family (2, host order), protocol (2), interface (4: 0 is any), and 12 bytes that bind does not look at.
 */
function linkAddress(): Uint8Array {
  const bytes = new Uint8Array(20)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, AF_PACKET, isLittleEndian)
  view.setUint16(2, ETH_P_ALL)
  return bytes
}

/** struct pollfd: descriptor (4), events (2), what has come (2). */
function pollDescriptor(fd: number): Uint8Array {
  const bytes = new Uint8Array(8)
  const view = new DataView(bytes.buffer)
  view.setInt32(0, fd, isLittleEndian)
  view.setInt16(4, POLLIN, isLittleEndian)
  return bytes
}

/** struct sock_filter: code (2), jt (1), jf (1), k (4), in host order. */
function encode(filter: readonly FilterInstruction[]): Uint8Array {
  const bytes = new Uint8Array(filter.length * 8)
  const view = new DataView(bytes.buffer)
  filter.forEach(({ code, jt, jf, k }, at) => {
    view.setUint16(at * 8, code, isLittleEndian)
    view.setUint8(at * 8 + 2, jt)
    view.setUint8(at * 8 + 3, jf)
    view.setUint32(at * 8 + 4, k, isLittleEndian)
  })
  return bytes
}

/** An int in host order. */
function numbers(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setInt32(0, value, isLittleEndian)
  return bytes
}

const isLittleEndian = endianness() === 'LE'
