/** The kernel's list of bound queues in this network namespace. Only root may open it. */
import { openSync, readFileSync, readSync } from 'node:fs'

/** A bound queue. */
export interface ListedQueue {
  readonly number: number
  /** The netlink port id of its holder, usually the process id. */
  readonly port: number
  /** Packets that wait for their verdict. */
  readonly waiting: number
  /** Packets that were dropped because the queue was full, or its holder's receive buffer. */
  readonly lost: number
}

const LIST = '/proc/net/netfilter/nfnetlink_queue'

/** The most bytes that are read, more than the list of a host with a few hundred queues. */
const LONGEST = 65_536

/** Returns the bound queues; none when the kernel does not list them, or does not allow us to read the list. */
export function listQueues(): ListedQueue[] {
  try {
    return parseQueues(readFileSync(LIST, 'latin1'))
  } catch {
    return []
  }
}

/**
 * Opens the list now. The returned function reads it, also after root has been given up. It never throws: where it
 * cannot read, it returns what it has read last.
 */
export function openQueueList(path = LIST): () => ListedQueue[] {
  let last: ListedQueue[] = []
  try {
    const fd = openSync(path, 'r')
    const buffer = Buffer.alloc(LONGEST)
    return () => {
      try {
        last = parseQueues(buffer.toString('latin1', 0, readSync(fd, buffer, 0, LONGEST, 0)))
      } catch {
        // The next look may succeed. None at all would look as if the counts had begun again.
      }
      return last
    }
  } catch {
    return () => last
  }
}

/**
 * Reads the list. The columns of a line are: number, port id, packets that wait, copy mode, copy range, packets dropped
 * because the queue was full, packets dropped because the receive buffer was full, newest packet id, 1.
 */
function parseQueues(text: string): ListedQueue[] {
  return text.split('\n').flatMap((line) => {
    const [number = NaN, port, waiting = 0, , , full = 0, unread = 0] = line.trim().split(/\s+/).map(Number)
    return port ? [{ number, port, waiting, lost: full + unread }] : []
  })
}
