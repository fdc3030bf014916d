/** What our own servers have in common: they stand in on a port that nobody listens on. */
import type { Server, Socket } from 'node:net'
import type { IpVersion } from '../../wire/ip.js'

/** A server that listens on a port. */
export interface OwnServer {
  /** Frees the port at once, and ends the connections to it. */
  close(): void
}

/** The most connections at once. Beyond that the oldest is ended: a validator's is new, and an idle one is not. */
const MAX_CONNECTIONS = 256

/** Keeps the newest connections of a server, and returns what closes it together with them. */
export function withNewestConnections(server: Server): OwnServer {
  const connections = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    connections.add(socket)
    socket.on('close', () => connections.delete(socket))
    for (const oldest of connections) {
      if (connections.size <= MAX_CONNECTIONS) break
      connections.delete(oldest)
      oldest.destroy()
    }
  })
  return {
    close: () => {
      server.close()
      for (const socket of connections) socket.destroy()
    },
  }
}

/**
 * Listens at an address, by its IP version alone. Returns the error's name, or nothing. What fails later, as when
 * descriptors run out, is left alone: the next connection may succeed.
 */
export function listenAt(server: Server, port: number, host: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    server.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen({ port, host, ipv6Only: true }, () => resolve(undefined))
  })
}

/** Returns the address that stands for all addresses of an IP version. */
export function allAddresses(version: IpVersion): string {
  return version === 4 ? '0.0.0.0' : '::'
}
