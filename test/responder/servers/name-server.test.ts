import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { openNameServer } from '../../../src/responder/servers/name-server.js'
import type { IpVersion } from '../../../src/wire/ip.js'
import { framed, queryFor, valuesIn } from '../../challenge/dns-01/queries.js'
import { dnsName, dnsQuery, plainDnsQuery } from '../../fixtures/dns.js'
import { turns } from '../fake-clock.js'
import { freePort, listen } from '../loopback.js'

const values = ['gfj9Xq-Rg85nM3xPh5Qs_1', 'LoqXcYV8q5ONbJQxbmR7SC']
const many = Array.from({ length: 100 }, (_, index) => String(index).padStart(43, 'x'))
const armed = new Map([
  [dnsName, values],
  ['_acme-challenge.many.example', many],
])
const stranger = queryFor('www.example.com')

for (const version of [4, 6] as const) {
  const address = version === 4 ? '127.0.0.1' : '::1'

  t.test(`IPv${version}: armed names are answered by UDP and TCP, and all else is refused`, async (t) => {
    const port = await freePort()
    const { events } = await serve(t, version, port)
    const ask = asker(t, address, port)
    t.strictSame(valuesIn(await ask(dnsQuery)), values)
    t.equal((await ask(stranger))[3], 5, 'refused')
    t.equal((await ask(queryFor(dnsName, 252)))[3], 5, 'as is what is no record')
    t.equal((await ask(queryFor('_acme-challenge.many.example')))[2], 0x87, 'too much for UDP')
    t.strictSame([...(await ask(plainDnsQuery.subarray(0, 12)))], [0x12, 0x34, 0x81, 5, 0, 0, 0, 0, 0, 0, 0, 0])
    const [one, two, three] = await overTcp(address, port, [
      dnsQuery,
      stranger,
      queryFor('_acme-challenge.many.example'),
    ])
    t.strictSame(valuesIn(one ?? stranger), values)
    t.equal(two?.[3], 5)
    t.strictSame(valuesIn(three ?? stranger), many, 'and TCP has all of it')
    while (events().length < 5) await turns()
    t.strictSame(events(), [
      `answered ${dnsName} udp`,
      'answered _acme-challenge.many.example udp',
      `answered ${dnsName} tcp`,
      'answered _acme-challenge.many.example tcp',
      'acknowledged _acme-challenge.many.example tcp',
    ])
  })
}

t.test('a response is not answered, since its sender may answer too', async (t) => {
  const port = await freePort()
  await serve(t, 4, port)
  const ask = asker(t, '127.0.0.1', port)
  const response = dnsQuery.slice()
  response[2] = 0x81
  response[0] = 7
  ask(response).catch(() => undefined)
  t.equal((await ask(stranger))[0], 0x12, 'the first reply is for what was asked next')
})

t.test('a port that is free again can be listened on', async (t) => {
  const port = await freePort()
  const { close } = await serve(t, 4, port)
  close()
  await serve(t, 4, port)
  t.strictSame(valuesIn(await asker(t, '127.0.0.1', port)(dnsQuery)), values)
})

t.test('where somebody listens on one address, as systemd-resolved does, the others are served', async (t) => {
  for (const transport of ['udp', 'tcp'] as const) {
    const port = await freePort()
    if (transport === 'tcp') await listen(t, port, '127.0.0.53')
    else await datagramsAt(t, '127.0.0.53', port)
    await serve(t, 4, port)
    t.strictSame(valuesIn(await asker(t, '127.0.0.1', port)(dnsQuery)), values, transport)
  }
})

t.test('where somebody listens on all addresses, nothing is served', async (t) => {
  const port = await freePort()
  await datagramsAt(t, '0.0.0.0', port)
  t.equal(
    await openNameServer({ port, version: 4, names: { valuesOf: () => [] }, onEvent: () => undefined }),
    'EADDRINUSE',
  )
  await listen(t, port, '0.0.0.0')
})

/** Serves what is armed until the test ends. */
async function serve(t: Test, version: IpVersion, port: number) {
  const events: string[] = []
  const server = await openNameServer({
    port,
    version,
    names: { valuesOf: (name) => armed.get(name) ?? [] },
    onEvent: ({ kind, key, transport = 'tcp' }) => void events.push(`${kind} ${key} ${transport}`),
  })
  if (typeof server === 'string') throw new Error(server)
  let isOpen = true
  const close = () => {
    if (isOpen) server.close()
    isOpen = false
  }
  t.teardown(close)
  return { events: () => events, close }
}

async function datagramsAt(t: Test, address: string, port: number): Promise<void> {
  const socket = createSocket('udp4').bind(port, address)
  t.teardown(() => socket.close())
  await once(socket, 'listening')
}

/** Returns a function that sends a datagram from one socket, and returns the next reply. */
function asker(t: Test, address: string, port: number): (message: Uint8Array) => Promise<Buffer> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
  t.teardown(() => socket.close())
  return async (message) => {
    socket.send(message, port, address)
    const [reply] = (await once(socket, 'message')) as [Buffer]
    return reply
  }
}

/** Sends queries on one connection, in pieces of a byte. Returns their replies. */
async function overTcp(address: string, port: number, queries: readonly Uint8Array[]): Promise<Buffer[]> {
  const socket = connect({ port, host: address, noDelay: true })
  for (const byte of framed(...queries)) socket.write(Uint8Array.of(byte))
  const replies: Buffer[] = []
  let bytes = Buffer.alloc(0)
  while (replies.length < queries.length) {
    const [more] = (await once(socket, 'data')) as [Buffer]
    bytes = Buffer.concat([bytes, more])
    while (bytes.length >= 2 && bytes.length >= 2 + bytes.readUInt16BE(0)) {
      replies.push(bytes.subarray(2, 2 + bytes.readUInt16BE(0)))
      bytes = bytes.subarray(2 + bytes.readUInt16BE(0))
    }
  }
  socket.end()
  await once(socket, 'close')
  return replies
}
