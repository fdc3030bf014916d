import type { Test } from 'tap'
import { startService } from '../../src/lab/service.js'
import { waitUntil } from '../../src/lab/wait-until.js'

/** A Unix datagram socket in Python, because Node has none. It prints each datagram in hexadecimal, on a line. */
export interface DatagramListener {
  /** Resolves with what came so far, once it is that many datagrams, or one of them matches. */
  received(enough: number | RegExp): Promise<Buffer[]>
  /** Ends it; its file stays, as that of a program that was killed. */
  stop(): Promise<void>
}

const program = `
import os, socket, sys
path, reads = sys.argv[1:]
if os.path.exists(path): os.unlink(path)
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind(path)
os.chmod(path, 0o666)
print("listening", flush=True)
while reads == "yes": print("datagram", listener.recv(1 << 20).hex(), flush=True)
sys.stdin.read()
`

/**
 * The words that run a program where 512 datagrams may wait for it, as for systemd's journal; of the kernel's own 10 a
 * burst of lines would lose some. That number is one of a network namespace, so root gives it one of its own.
 */
const WITH_ROOM =
  process.getuid?.() === 0
    ? ['unshare', '--net', 'sh', '-c', 'echo 512 >/proc/sys/net/unix/max_dgram_qlen && exec "$@"', 'sh']
    : []

/** Listens when this resolves. One that is slow takes datagrams and never reads them. */
export async function listenForDatagrams(t: Test, path: string, { isSlow = false } = {}): Promise<DatagramListener> {
  const words = [...(isSlow ? [] : WITH_ROOM), 'python3', '-c', program, path, isSlow ? 'no' : 'yes']
  const service = startService(words, { stdin: 'pipe' })
  t.teardown(() => service.stop('SIGKILL'))
  await service.waitForOutput(/^listening$/m)
  const datagrams = () =>
    [...service.output().matchAll(/^datagram ([0-9a-f]*)$/gm)].map(([, hex = '']) => Buffer.from(hex, 'hex'))
  return {
    received: async (enough) => {
      const isEnough = () =>
        typeof enough === 'number'
          ? datagrams().length >= enough
          : datagrams().some((bytes) => enough.test(bytes.toString()))
      await waitUntil(isEnough, `datagrams: ${enough.toString()}`)
      return datagrams()
    },
    stop: () => service.stop('SIGKILL'),
  }
}
