/** A TCP server that records what it receives. */
import { createServer, type Socket } from 'node:net'
import type { Test } from 'tap'
import type { Namespace } from '../../src/lab/lab.js'
import * as at from './namespace-socket.js'

/** A server that answers nothing: it reads until the client half-closes, then says `got N bytes` and closes. */
export interface RecordingServer {
  /** The bytes of each connection that has come to its end, in the order of their ends. */
  readonly recorded: Buffer[]
}

/** Listens on a port of a namespace, IPv4 and IPv6, until the test ends. */
export async function startRecordingServer(t: Test, namespace: Namespace, port = 80): Promise<RecordingServer> {
  const recorded: Buffer[] = []
  const open = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
    const pieces: Buffer[] = []
    socket.on('data', (piece) => pieces.push(piece)).on('error', () => socket.destroy())
    socket.on('end', () => {
      const bytes = Buffer.concat(pieces)
      recorded.push(bytes)
      socket.end(`got ${bytes.length} bytes`)
    })
  })
  const fd = at.socketIn(namespace, at.AF_INET6, at.SOCK_STREAM)
  at.setOption(fd, at.IPPROTO_IPV6, at.IPV6_V6ONLY, 0)
  at.setOption(fd, at.SOL_SOCKET, at.SO_REUSEADDR, 1)
  at.bindTo(fd, at.internetAddress('::', port))
  at.listenOn(fd)
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen({ fd }, resolve))
  t.teardown(async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    for (const socket of open) socket.destroy()
    await closed
  })
  return { recorded }
}
