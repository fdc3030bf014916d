/** A name server that knows no name: every query is answered with NXDOMAIN, and told of on standard output. */
import type { Namespace, Service } from '../../src/lab/lab.js'

const program = `
  import { createSocket } from 'node:dgram'
  import { createServer } from 'node:net'
  const port = Number(process.argv[1])
  const replyTo = (query) => {
    let end = 12
    while (query[end]) end += query[end] + 1
    const reply = Buffer.from(query.subarray(0, end + 5))
    reply[2] |= 0x80
    reply[3] = 3
    reply[11] = 0
    return reply
  }
  const nameIn = (query) => query.subarray(13, query.indexOf(0, 12)).toString('latin1').replace(/[^a-z_-]/gi, '.')
  for (const type of ['udp4', 'udp6']) {
    const socket = createSocket({ type, ipv6Only: type === 'udp6' }).bind(port)
    socket.on('message', (message, from) => {
      const isQuery = message[2] < 0x80
      console.log('udp ' + (isQuery ? 'query ' : 'response ') + nameIn(message))
      if (isQuery) socket.send(replyTo(message), from.port, from.address)
    })
    await new Promise((resolve) => socket.once('listening', resolve))
  }
  const server = createServer((socket) => {
    let bytes = Buffer.alloc(0)
    socket.on('error', () => console.log('tcp reset'))
    socket.on('data', (more) => {
      bytes = Buffer.concat([bytes, more])
      while (bytes.length > 1 && bytes.length >= 2 + bytes.readUInt16BE(0)) {
        const query = bytes.subarray(2, 2 + bytes.readUInt16BE(0))
        bytes = bytes.subarray(2 + query.length)
        console.log('tcp query ' + nameIn(query))
        const reply = replyTo(query)
        socket.write(Buffer.concat([Buffer.from([reply.length >> 8, reply.length & 255]), reply]))
      }
    })
  })
  server.listen(port, '::', () => console.log('ready'))
`

/** Starts it on all addresses, by UDP and TCP. It listens when this resolves. */
export async function startDnsServer(namespace: Namespace, port: number): Promise<Service> {
  const service = namespace.spawn([process.execPath, '--input-type=module', '-e', program, '--', String(port)])
  await service.waitForOutput(/^ready$/m)
  return service
}
