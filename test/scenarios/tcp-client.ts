/** A TCP client in a namespace, with the kernel's own TCP. The test decides which bytes go into which segment. */
import { closeSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Namespace } from '../../src/lab/lab.js'
import * as at from './namespace-socket.js'
import { soon } from './soon.js'

/** A connection of the kernel's. */
export interface TcpClient {
  readonly port: number
  /** Sends the bytes at once, in a segment of their own if they fit one (TCP_NODELAY). */
  write(bytes: string | Uint8Array): void
  /** Resolves once the other side's kernel has acknowledged all that was written. */
  acknowledged(): Promise<void>
  /** Closes our direction only. */
  halfClose(): void
  /** Ends the connection with a RST. */
  reset(): Promise<void>
  /** Everything received so far, a character for a byte. */
  received(): string
  /**
   * Everything received, once the other side has closed; rejects when it reset the connection instead, or was silent
   * for a minute.
   */
  readonly ended: Promise<string>
  /** Closes the socket, which half-closing does not. */
  close(): Promise<void>
}

/** Where from and where to. */
export interface Target {
  readonly address: string
  /** 80 unless said. */
  readonly port?: number
  readonly from?: { readonly address: string; readonly port: number }
}

const patienceMilliseconds = 60_000

/** Connects; throws when the other side refuses. It never closes by itself: that is up to the test. */
export function connectTcp(namespace: Namespace, { address, port = 80, from }: Target): TcpClient {
  const fd = at.socketIn(namespace, address.includes(':') ? at.AF_INET6 : at.AF_INET, at.SOCK_STREAM)
  if (from) {
    at.setOption(fd, at.SOL_SOCKET, at.SO_REUSEADDR, 1)
    at.bindTo(fd, at.internetAddress(from.address, from.port))
  }
  try {
    at.connectTo(fd, at.internetAddress(address, port))
  } catch (error) {
    closeSync(fd)
    throw error
  }
  const socket = new Socket({ fd, allowHalfOpen: true })
  socket.setNoDelay(true)
  let received = ''
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  const ended = new Promise<string>((resolve, reject) => {
    socket.setEncoding('latin1').on('data', (text: string) => (received += text))
    socket.once('end', () => resolve(received)).once('error', reject)
    socket.setTimeout(patienceMilliseconds, () =>
      socket.destroy(new Error(`nothing for ${patienceMilliseconds} ms; before that: ${JSON.stringify(received)}`)),
    )
  })
  // A test that is not interested in the end does not fail by it.
  ended.catch(() => undefined)
  return {
    port: socket.localPort ?? 0,
    write: (bytes) => void socket.write(bytes),
    // Once the socket is closed its number may be another's.
    acknowledged: () =>
      soon(() => !socket.destroyed && at.unacknowledged(fd) === 0, 'an acknowledgment', patienceMilliseconds),
    halfClose: () => void socket.end(),
    reset: async () => {
      socket.resetAndDestroy()
      await closed
    },
    received: () => received,
    ended,
    close: async () => {
      socket.destroy()
      await closed
    },
  }
}

/** The same from a port whose last connection to there may not be over yet on our side: waits until it is. */
export async function connectAgain(namespace: Namespace, target: Target): Promise<TcpClient> {
  let client: TcpClient | undefined
  await soon(
    () => {
      try {
        client = connectTcp(namespace, target)
      } catch (error) {
        if (!(error instanceof Error && error.message.endsWith(`errno ${EADDRNOTAVAIL}`))) throw error
      }
      return client !== undefined
    },
    `port ${target.from?.port ?? 0} to be free`,
  )
  return client as TcpClient
}

const EADDRNOTAVAIL = 99

/** Sends a request on a connection of its own. Returns what came back until the other side closed. */
export async function exchange(namespace: Namespace, target: Target, request: string): Promise<string> {
  const client = target.from ? await connectAgain(namespace, target) : connectTcp(namespace, target)
  try {
    client.write(request)
    return await client.ended
  } finally {
    await client.close()
  }
}
