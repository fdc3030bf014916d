import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { askDns } from '../../src/network/ask-dns.js'
import { readDnsPath } from '../../src/network/dns-path.js'
import { TYPES } from '../../src/wire/dns/dns.js'
import { asResponse } from '../../src/wire/dns/dns-reply.js'

/** Starts a name server on loopback that does this with a query; returns its address and port. */
async function serverThat(t: Test, answers: (query: Uint8Array) => readonly Uint8Array[]): Promise<string> {
  const socket = createSocket('udp4')
  t.teardown(() => socket.close())
  socket.on('message', (query, { port, address }) => {
    // A slice of a Buffer is no copy.
    for (const answer of answers(Uint8Array.from(query))) socket.send(answer, port, address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return `127.0.0.1:${socket.address().port}`
}

t.test('a resolver that never answers is left when the time is over, and nothing is known then', async (t) => {
  const resolver = await serverThat(t, () => [])
  t.equal(await readDnsPath('_acme-challenge.a.example', { resolver, timeLimit: 300 }), undefined)
})

t.test('a response counts if its identifier is that of the question; what is lost is asked again', async (t) => {
  let asked = 0
  const server = await serverThat(t, (query) => {
    if (asked++ === 0) return []
    const other = asResponse(query)
    other[0] = (other[0] ?? 0) ^ 0xff
    return [other, query, asResponse(query)]
  })
  const { signal } = new AbortController()
  const response = await askDns(server, { name: 'a.example', type: TYPES.DS, isRecursionDesired: true }, signal)
  t.match(response, { rcode: 0, answers: [], authority: [] })
  t.equal(asked, 2)
})

t.test('a server that is not there is no reason to wait', async (t) => {
  const server = await serverThat(t, () => [])
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.close()
  const { signal } = new AbortController()
  const question = { name: 'a.example', type: TYPES.SOA, isRecursionDesired: false }
  t.equal(await askDns(`127.0.0.1:${port}`, question, signal), undefined)
  t.equal(await askDns(server, question, AbortSignal.abort()), undefined)
})
