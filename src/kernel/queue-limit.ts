/**
 * What the kernel does when a queue is full. The nfqueue package cannot set it, and the kernel takes it only from the
 * socket that has bound the queue. So this finds that socket, and sends a message of nfnetlink_queue on it.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import type { Libc } from './libc.js'
import { listQueues } from './queue-list.js'

const NETLINK_NETFILTER = 12

/** From linux/netlink.h, linux/netfilter/nfnetlink.h and linux/netfilter/nfnetlink_queue.h. */
const NLM_F_REQUEST = 1
const NFNL_SUBSYS_QUEUE = 3
const NFQNL_MSG_CONFIG = 2
const NFQA_CFG_QUEUE_MAXLEN = 3
const NFQA_CFG_MASK = 4
const NFQA_CFG_FLAGS = 5
const NFQA_CFG_F_FAIL_OPEN = 1

/** Lets this many packets wait. Returns false when that cannot be set. */
export type LimitQueue = (length: number) => boolean

/**
 * Returns what lets packets wait in a queue that this process has bound. Those beyond pass, as if there were no queue.
 * While nothing could be set, 1,024 packets wait, and the kernel drops those beyond. The socket is looked for now,
 * because that takes rights that the process may give up.
 */
export function queueLimit(libc: Libc, number: number): LimitQueue {
  const fd = socketOf(number)
  return (length) => {
    if (fd === undefined) return false
    // No acknowledgment is requested, because the package reads this socket and would get it.
    const message = limitMessage(number, length)
    return libc.send(fd, message, message.length, 0) === message.length
  }
}

/** Returns the descriptor of the socket that has bound a queue. */
function socketOf(number: number): number | undefined {
  const port = listQueues().find((queue) => queue.number === number)?.port
  try {
    const lines = readFileSync('/proc/self/net/netlink', 'latin1').split('\n')
    const sockets = lines.map((line) => line.trim().split(/\s+/))
    // Address, protocol, port id, and six columns more; the inode is last.
    const inode = sockets
      .find(([, protocol, id]) => Number(protocol) === NETLINK_NETFILTER && Number(id) === port)
      ?.at(-1)
    return readdirSync('/proc/self/fd')
      .map(Number)
      .find((fd) => isSocket(fd, inode))
  } catch {
    return undefined
  }
}

function isSocket(fd: number, inode: string | undefined): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`) === `socket:[${inode}]`
  } catch {
    // This is the descriptor that listed the directory.
    return false
  }
}

/**
 * struct nlmsghdr: length (4), type (2), flags (2), sequence (4), port id (4), in host order; struct nfgenmsg: family,
 * version, queue number (2, big-endian); then attributes: length (2), type (2), and a big-endian value (4) each.
 */
function limitMessage(number: number, length: number): Uint8Array {
  const attributes = [
    [NFQA_CFG_QUEUE_MAXLEN, length],
    [NFQA_CFG_MASK, NFQA_CFG_F_FAIL_OPEN],
    [NFQA_CFG_FLAGS, NFQA_CFG_F_FAIL_OPEN],
  ] as const
  const bytes = new Uint8Array(20 + 8 * attributes.length)
  bytes.set(new Uint8Array(Uint32Array.of(bytes.length).buffer))
  bytes.set(new Uint8Array(Uint16Array.of((NFNL_SUBSYS_QUEUE << 8) | NFQNL_MSG_CONFIG, NLM_F_REQUEST).buffer), 4)
  const view = new DataView(bytes.buffer)
  view.setUint16(18, number)
  for (const [at, [type, value]] of attributes.entries()) {
    bytes.set(new Uint8Array(Uint16Array.of(8, type).buffer), 20 + 8 * at)
    view.setUint32(24 + 8 * at, value)
  }
  return bytes
}
