import { once } from 'node:events'
import { connect as connectPlainly } from 'node:net'
import { connect, type ConnectionOptions } from 'node:tls'
import t, { type Test } from 'tap'
import type { FlowEvent } from '../../../src/intercept/interceptor.js'
import { makeCertificate } from '../../../src/responder/tls/tls-certificate.js'
import { openTlsEngine } from '../../../src/responder/tls/tls-engine.js'
import { openTlsServer } from '../../../src/responder/servers/tls-server.js'
import { freePort, listen } from '../loopback.js'

const digest = 'x'.repeat(43)

for (const [version, address] of [
  [4, '127.0.0.1'],
  [6, '::1'],
] as const)
  t.test(`an armed name is answered by its own certificate (IPv${version})`, async (t) => {
    const { port, events, ended } = await serve(t, version)
    const client = connect({ ...hello('b.example'), host: address, port })
    await once(client, 'secureConnect')
    t.equal(client.alpnProtocol, 'acme-tls/1')
    t.equal(client.getPeerCertificate().subjectaltname, 'DNS:b.example')
    client.resume().end()
    await ended
    t.match(events, [
      { kind: 'answered', key: 'token of b.example', answer: { status: 0 } },
      { kind: 'acknowledged', key: 'token of b.example' },
    ])
  })

t.test('every other connection is closed without an answer', async (t) => {
  const { port, events } = await serve(t, 4)
  for (const options of [hello('c.example'), { ...hello('a.example'), ALPNProtocols: ['h2'] }]) {
    const client = connect({ ...options, host: '127.0.0.1', port })
    const [error] = (await once(client, 'error')) as [NodeJS.ErrnoException]
    t.equal(error.code, 'ECONNRESET')
  }
  const plain = connectPlainly(port, '127.0.0.1').resume()
  plain.write('GET / HTTP/1.1\r\n\r\n')
  await once(plain, 'close')
  const silent = connectPlainly(port, '127.0.0.1').resume()
  silent.end()
  await once(silent, 'close')
  t.same(events, [])
})

t.test('a port that somebody listens on is theirs', async (t) => {
  const port = await freePort()
  await listen(t, port, '127.0.0.1')
  const place = { port, version: 4 as const, armed: () => undefined, onEvent: () => undefined }
  t.equal(await openTlsServer(place), 'EADDRINUSE')
})

function hello(servername: string): ConnectionOptions {
  return { servername, ALPNProtocols: ['acme-tls/1'], rejectUnauthorized: false }
}

async function serve(t: Test, version: 4 | 6) {
  const engine = await openTlsEngine(['acme-tls/1'])
  const names = new Map(
    ['a.example', 'b.example'].map((identifier) => [
      identifier,
      { token: `token of ${identifier}`, open: engine(makeCertificate({ identifier, digest }, new Date())) },
    ]),
  )
  const port = await freePort()
  const events: FlowEvent[] = []
  let end: () => void = () => undefined
  const ended = new Promise<void>((resolve) => (end = resolve))
  const onEvent = (event: FlowEvent) => {
    events.push(event)
    if (event.kind !== 'answered') end()
  }
  const server = await openTlsServer({ port, version, armed: (name) => names.get(name), onEvent })
  if (typeof server === 'string') throw new Error(server)
  t.teardown(() => server.close())
  return { port, events, ended }
}
