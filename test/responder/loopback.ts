import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'

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
