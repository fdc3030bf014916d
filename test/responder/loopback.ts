import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server } from 'node:net'
import type { Test } from 'tap'

/** A port that was free a moment ago, by IPv4 and IPv6. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '::')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return port
}

/** Everything that comes back until the other side closes. */
export async function ask(address: string, port: number, request: string): Promise<string> {
  const socket = connect(port, address)
  let received = ''
  socket.setEncoding('latin1').on('data', (piece: string) => (received += piece))
  socket.write(request, 'latin1')
  await once(socket, 'end')
  return received
}

/** Listens there until the test ends; fails where somebody does already. */
export async function listen(t: Test, port: number, host = '::'): Promise<Server> {
  const server = createServer().listen(port, host)
  t.teardown(() => server.close())
  await once(server, 'listening')
  return server
}
