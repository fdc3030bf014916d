/**
 * Makes and removes sets of addresses and ports in the kernel (ipset(8)), which rules of iptables fill and look up. It
 * does so over netlink, so that the program `ipset` is not needed. Only a process that may change rules can list them.
 */
import { endianness } from 'node:os'
import { getSystemErrorName } from 'node:util'
import { Failure, refusedRight } from '../failure.js'
import { loadLibc, type Libc } from './libc.js'

/** Makes and removes sets. It is an argument of whatever installs rules, so that tests need none of the kernel's. */
export interface IpSets {
  /**
   * Makes a set. `name` has at most 31 bytes. A set of this name that exists already stays as it is.
   * @throws Failure `firewall-failed`, `capability-missing`, `not-root`, `native-module`
   */
  make(name: string, version: 4 | 6, kind: SetKind): Promise<void>
  /**
   * Removes a set. It is no error if there is none. If the kernel is still removing a rule that refers to the set, this
   * waits for it.
   * @throws Failure as `make` does
   */
  remove(name: string): Promise<void>
}

/** What a set holds. */
export interface SetKind {
  /** Elements that are addresses have a count of the packets that matched them. */
  readonly of: 'address' | 'address and port'
  /** An element is forgotten after this time, unless the rule that adds it says otherwise. */
  readonly seconds: number
  /** Addresses with the same first bits are one element; all bits count by default. */
  readonly bits?: number
}

/** The most elements of a set; then no more are added. */
const SIZE = 65_536

/**
 * Buckets of a set. A bucket holds twelve elements, and a set that rules fill never gets more buckets (ipset(8)). With
 * the kernel's 1,024 a part of 12,000 sources would find its bucket full: those that the limit of incomplete payloads
 * lets into a set in a minute.
 */
const BUCKETS = 8_192

/** Milliseconds to wait until the kernel has removed the rules of a set, and between two tries. */
const RELEASE_TIME = 5_000
const PAUSE = 5

const AF_INET = 2
const AF_INET6 = 10
const AF_NETLINK = 16
const SOCK_RAW = 3
const SOCK_CLOEXEC = 0o2000000
const NETLINK_NETFILTER = 12
const MSG_DONTWAIT = 0x40

/** linux/netfilter/ipset/ip_set.h: subsystem, commands, attributes and errors of its own. */
const NFNL_SUBSYS_IPSET = 6
const CREATE = 2
const DESTROY = 3
const attributes = {
  protocol: 1,
  name: 2,
  type: 3,
  revision: 4,
  family: 5,
  data: 7,
  timeout: 6,
  flags: 8,
  buckets: 18,
  size: 19,
  netmask: 20,
} as const
const WITH_COUNTERS = 1 << 3
const PROTOCOL = 6
const ERR_FIND_TYPE = 4098
const ERR_BUSY = 4100

/** linux/netlink.h: flags of a message, and of an attribute's type. */
const NLM_F_REQUEST = 1
const NLM_F_ACK = 4
const NLM_F_CREATE = 0x400
const NLA_F_NESTED = 0x8000
const NLA_F_NET_BYTEORDER = 0x4000

const isLittleEndian = endianness() === 'LE'

/** The sets of this process's network namespace. */
export const ipSets: IpSets = {
  make: async (name, version, { of, seconds, bits }) => {
    const family = version === 4 ? AF_INET : AF_INET6
    const isCounted = of === 'address'
    const data = [
      attribute(attributes.timeout, word(seconds)),
      ...(isCounted ? [attribute(attributes.flags, word(WITH_COUNTERS))] : []),
      attribute(attributes.buckets, word(BUCKETS)),
      attribute(attributes.size, word(SIZE)),
      ...(bits === undefined ? [] : [attribute(attributes.netmask, Uint8Array.of(bits))]),
    ]
    const error = await ask(CREATE, NLM_F_CREATE, family, [
      attribute(attributes.name, text(name)),
      attribute(attributes.type, text(isCounted ? 'hash:ip' : 'hash:ip,port')),
      attribute(attributes.revision, Uint8Array.of(1)),
      attribute(attributes.family, Uint8Array.of(family)),
      attribute(attributes.data | NLA_F_NESTED, Buffer.concat(data)),
    ])
    if (error !== 0) throw refusal(`make the set ${name}`, error)
  },
  remove: async (name) => {
    const end = performance.now() + RELEASE_TIME
    for (;;) {
      const error = await ask(DESTROY, 0, AF_INET, [attribute(attributes.name, text(name))])
      // The kernel has no sets, or none of this name.
      if (error === 0 || NOTHING_THERE.includes(getSystemErrorName(-error))) return
      if (error !== ERR_BUSY || performance.now() > end) throw refusal(`remove the set ${name}`, error)
      await new Promise((resolve) => setTimeout(resolve, PAUSE))
    }
  },
}

const NOTHING_THERE = ['ENOENT', 'EINVAL', 'EOPNOTSUPP']

function refusal(what: string, error: number): Failure {
  const name = error > 4096 ? `error ${error} of ip_set` : getSystemErrorName(-error)
  if (name === 'EPERM') return refusedRight(`no right to ${what} (EPERM)`)
  const isLacking = error === ERR_FIND_TYPE || NOTHING_THERE.includes(name)
  return new Failure(
    'firewall-failed',
    `cannot ${what}: ${isLacking ? `sets of addresses and ports are not supported by this kernel (ip_set_hash_ip and ip_set_hash_ipport, ${name})` : name}`,
  )
}

/**
 * Sends one message. Returns the error number of its acknowledgment, 0 for none. The message is struct nlmsghdr (length
 * 4, type 2, flags 2, sequence 4, port 4), struct nfgenmsg (family 1, version 1, resource 2), and attributes. The
 * kernel answers before send(2) returns.
 */
async function ask(command: number, flags: number, family: number, ofCommand: readonly Uint8Array[]): Promise<number> {
  const libc = await loadLibc()
  const body = Buffer.concat([attribute(attributes.protocol, Uint8Array.of(PROTOCOL)), ...ofCommand])
  const message = new Uint8Array(20 + body.length)
  const view = new DataView(message.buffer)
  view.setUint32(0, message.length, isLittleEndian)
  view.setUint16(4, (NFNL_SUBSYS_IPSET << 8) | command, isLittleEndian)
  view.setUint16(6, NLM_F_REQUEST | NLM_F_ACK | flags, isLittleEndian)
  view.setUint8(16, family)
  message.set(body, 20)
  const fd = libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER)
  if (fd < 0) return libc.errno()
  try {
    return exchange(libc, fd, message)
  } finally {
    libc.close(fd)
  }
}

/** Sends the message and reads the answer: a header of 16 bytes, then struct nlmsgerr, which begins with -errno. */
function exchange(libc: Libc, fd: number, message: Uint8Array): number {
  const answer = new Uint8Array(20 + message.length)
  if (libc.send(fd, message, message.length, 0) < 0 || libc.recv(fd, answer, answer.length, MSG_DONTWAIT) < 20)
    return libc.errno()
  return -new DataView(answer.buffer).getInt32(16, isLittleEndian)
}

/** Returns a struct nlattr: length without padding (2), type (2), and the value, padded to four bytes. */
function attribute(type: number, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + Math.ceil(value.length / 4) * 4)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, 4 + value.length, isLittleEndian)
  view.setUint16(2, type | (value.length === 4 ? NLA_F_NET_BYTEORDER : 0), isLittleEndian)
  bytes.set(value, 4)
  return bytes
}

function text(value: string): Uint8Array {
  return Buffer.from(`${value}\0`)
}

/** Returns a 32-bit value in network byte order. `attribute` sets the flag for that on values of four bytes. */
function word(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value)
  return bytes
}
