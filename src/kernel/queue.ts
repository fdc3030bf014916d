/**
 * The edge to NFQUEUE. No other file uses the nfqueue package. That package has no close(), so a queue lives as long as
 * the process. It does not handle an exception in our callback, which would end the process, so all are caught here.
 */
import { Failure, refusedRight } from '../failure.js'
import { keepDescriptors } from './descriptors.js'
import { loadLibc } from './libc.js'
import { queueLimit, type LimitQueue } from './queue-limit.js'
import { listQueues, openQueueList } from './queue-list.js'
import { lacksCapability } from './threads.js'

const CAP_NET_ADMIN = 12

/**
 * What becomes of a packet. `replace` lets it pass with these bytes in its place. `repeat` sends it through the hook
 * once more (`NF_REPEAT`), with these bits of its packet mark set, or none with 0. If they are set already, the packet
 * passes.
 */
export interface PacketVerdict {
  readonly verdict: 'accept' | 'drop' | { readonly replace: Uint8Array } | { readonly repeat: number }
  /** Called when the kernel has the verdict, and has sent the packet on by it. */
  readonly afterwards?: () => void
}

/** Decides about one queued IP packet. `interfaceIndex` is the one it came in by. */
export type PacketHandler = (bytes: Uint8Array, interfaceIndex: number) => PacketVerdict

/** A queue that this process has bound. */
export interface Queue {
  readonly number: number
  /**
   * The netlink port id of the socket that has bound it: this process's id, unless somebody else holds that already.
   * Unknown where the kernel does not list queues.
   */
  readonly port: number | undefined
  /** Whether the kernel lets packets pass when the queue is full. Old kernels cannot. */
  readonly isFailOpen: boolean
  /** Lets more or fewer packets wait. */
  readonly limit: LimitQueue
  /** Returns how many packets wait, and how many the kernel has dropped because the queue was full. */
  counts(): { readonly waiting: number; readonly lost: number }
}

/** The most packets that wait. The kernel lets any more pass. An old kernel drops them. */
export const QUEUE_LENGTH = 1_024

/** Room for a burst of packets between two turns of the event loop, in bytes. */
const RECEIVE_BUFFER = 4 * 1024 * 1024

/** Where the search for a free number starts, away from the low numbers that people give to other programs. */
const FIRST_NUMBER = 8555
const TRIES = 64

/**
 * Binds a queue (`number`, or a free one) and hands its packets to `handle`. When `handle` throws, the packet passes,
 * and `onError` gets what was thrown. While `length` packets wait, further ones pass as if there were no queue.
 * @throws Failure `queue-unavailable`, `native-module`, `capability-missing`, `not-root`
 */
export async function openQueue(
  number: number | undefined,
  handle: PacketHandler,
  onError: (thrown: unknown) => void,
  length = QUEUE_LENGTH,
): Promise<Queue> {
  const [nfqueue, libc] = await Promise.all([loadNfqueue(), loadLibc()])
  const bound = boundQueues()
  const candidates = number === undefined ? freeNumbers(bound) : [number]
  let cause: unknown
  for (const candidate of candidates) {
    const queue = new nfqueue.NFQueue()
    try {
      queue.open(candidate, RECEIVE_BUFFER)
    } catch (thrown) {
      // This is also EPERM when another process has bound the number. The package does not tell.
      cause = thrown
      continue
    }
    // The package's sockets are not close-on-exec. A program of ours that inherited them and outlived us would keep the
    // queue bound, with packets waiting in it.
    keepDescriptors(libc)
    const limit = queueLimit(libc, candidate)
    const isFailOpen = limit(length)
    queue.run((packet) => {
      const { indev, nfmark } = packet.info
      const { verdict, afterwards } = decide(handle, packet.payload, indev, onError)
      if (verdict === 'drop') packet.setVerdict(nfqueue.NF_DROP)
      else if (verdict === 'accept') packet.setVerdict(nfqueue.NF_ACCEPT)
      else if ('replace' in verdict) packet.setVerdict(nfqueue.NF_ACCEPT, null, Buffer.from(verdict.replace))
      else if ((nfmark & verdict.repeat) !== 0) packet.setVerdict(nfqueue.NF_ACCEPT)
      else packet.setVerdict(nfqueue.NF_REPEAT, (nfmark | verdict.repeat) >>> 0)
      if (afterwards) attempt(afterwards, onError)
    })
    const list = openQueueList()
    return {
      number: candidate,
      port: boundQueues().get(candidate),
      isFailOpen,
      limit,
      counts: () => list().find(({ number }) => number === candidate) ?? { waiting: 0, lost: 0 },
    }
  }
  if (lacksCapability(CAP_NET_ADMIN)) throw refusedRight('the kernel refuses NFQUEUE without CAP_NET_ADMIN')
  throw new Failure('queue-unavailable', whyUnavailable(number, bound), { cause })
}

function decide(
  handle: PacketHandler,
  payload: Buffer,
  interfaceIndex: number,
  onError: (thrown: unknown) => void,
): PacketVerdict {
  return attempt(() => handle(payload, interfaceIndex), onError) ?? { verdict: 'accept' }
}

/** Returns what a task returns; nothing when it throws. */
function attempt<Result>(task: () => Result, onError: (thrown: unknown) => void): Result | undefined {
  try {
    return task()
  } catch (thrown) {
    onError(thrown)
    return undefined
  }
}

/** Loads the nfqueue package. @throws Failure `native-module` */
export async function loadNfqueue() {
  try {
    return (await import('nfqueue')).default
  } catch (cause) {
    throw new Failure(
      'native-module',
      `the package nfqueue is not built for this Node (${(cause as Error).message.split('\n', 1)[0]})`,
      { cause },
    )
  }
}

function* freeNumbers(bound: ReadonlyMap<number, number>): Generator<number> {
  let tries = 0
  for (let number = FIRST_NUMBER; tries < TRIES; number++) {
    if (bound.has(number)) continue
    tries++
    yield number
  }
}

function whyUnavailable(number: number | undefined, bound: ReadonlyMap<number, number>): string {
  const holder = number === undefined ? undefined : bound.get(number)
  if (holder !== undefined)
    return `NFQUEUE number ${number} is taken by another program (netlink port ${holder}, usually its process id)`
  return `the kernel refuses NFQUEUE${number === undefined ? '' : ` number ${number}`}: not enough rights, or no nfnetlink_queue`
}

/**
 * Returns the bound queues of this network namespace, from number to netlink port id, which is usually the process id.
 * It is empty when the kernel does not list them.
 */
export function boundQueues(): Map<number, number> {
  return new Map(listQueues().map(({ number, port }) => [number, port]))
}
