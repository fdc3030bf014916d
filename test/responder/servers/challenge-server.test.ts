import { once } from 'node:events'
import { createServer, connect, type AddressInfo, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { openChallengeServer } from '../../../src/responder/servers/challenge-server.js'
import type { FlowEvent } from '../../../src/intercept/interceptor.js'
import { formatReply } from '../../../src/wire/http/http.js'
import { formatEndpoint } from '../../../src/wire/address.js'
import { ask, freePort } from '../loopback.js'

const keyAuthorization = 'token-of-16-chars.print'
const path = '/.well-known/acme-challenge/token-of-16-chars'
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1')

for (const [version, address] of [
  [4, '127.0.0.1'],
  [6, '::1'],
] as const) {
  t.test(`an armed challenge is answered like one that was taken over (IPv${version})`, async (t) => {
    const { port } = await serve(t, version)
    t.equal(
      await ask(address, port, `GET ${path} HTTP/1.1\r\nHost: a.example\r\n\r\n`),
      text(formatReply('GET', keyAuthorization)),
    )
    t.equal(
      await ask(address, port, `HEAD ${path} HTTP/1.1\r\nHost: a.example\r\n\r\n`),
      text(formatReply('HEAD', keyAuthorization)),
    )
    t.equal(await ask(address, port, `GET ${path} HTTP/1.0\r\n\r\n`), text(formatReply('GET', keyAuthorization)))
  })
}

t.test('everything else is not found, and the connection is closed', async (t) => {
  const { port, events } = await serve(t, 4)
  const notFound =
    'HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 10\r\nConnection: close\r\n\r\nNot Found\n'
  for (const target of [
    '/',
    '*',
    '/.well-known/acme-challenge/',
    `${path}x`,
    `${path}?`,
    `/x${path}`,
    `http://a.example${path}`,
    '/.well-known/acme-challenge/constructor',
    `/..${path}`,
  ]) {
    t.equal(await ask('127.0.0.1', port, `GET ${target} HTTP/1.1\r\nHost: a.example\r\n\r\n`), notFound, target)
  }
  t.equal(
    await ask('127.0.0.1', port, `POST ${path} HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nhi`),
    notFound,
    'another method',
  )
  t.match(
    await ask('127.0.0.1', port, `GET / HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n`),
    /^HTTP\/1\.1 404 /,
  )
  t.same(events, [])
})

t.test('what is no HTTP, or too long, is refused; it serves on', async (t) => {
  const { port } = await serve(t, 4)
  for (const request of [
    '\x16\x03\x01\x02\x00\r\n\r\n',
    'GET\r\n\r\n',
    `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(9_000)}\r\n\r\n`,
  ]) {
    t.match(await ask('127.0.0.1', port, request), /^HTTP\/1\.1 400 .*Connection: close\r\n\r\n$/s)
  }
  const aborted = connect(port, '127.0.0.1')
  await once(aborted, 'connect')
  aborted.write(`GET ${path}`)
  aborted.resetAndDestroy()
  t.match(await ask('127.0.0.1', port, `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`), /^HTTP\/1\.1 200 /)
})

t.test('who was answered is told, and how that ended', async (t) => {
  const { port, events, heard } = await serve(t, 6)
  const client = connect(port, '::1')
  await once(client, 'connect')
  const from = `[::1]:${client.localPort ?? 0}`
  client.end(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)
  await heard('acknowledged')
  t.same(
    events.map(({ kind, key, client, clientPort }) => [kind, key, formatEndpoint(client, clientPort)]),
    [
      ['answered', 'token-of-16-chars', from],
      ['acknowledged', 'token-of-16-chars', from],
    ],
  )
  await ask('::1', port, `HEAD ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)
  t.strictSame(
    events.filter(({ kind }) => kind === 'answered').map(({ answer }) => answer),
    [keyAuthorization.length, 0].map((bytes) => ({ status: 200, bytes })),
  )
})

t.test('of more connections than it keeps, the newest is served', async (t) => {
  const { port } = await serve(t, 4)
  const idle: Socket[] = []
  for (let at = 0; at < 256; at++) {
    const socket = connect(port, '127.0.0.1')
    idle.push(socket)
    await once(socket, 'connect')
  }
  t.teardown(() => idle.forEach((socket) => socket.destroy()))
  const oldest = once(idle[0] as Socket, 'close').then(() => 'ended')
  idle[0]?.resume()
  t.match(await ask('127.0.0.1', port, `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`), /^HTTP\/1\.1 200 /)
  // The server ends idle connections after 30 s by itself: that is not meant.
  const late = new Promise((resolve) => setTimeout(() => resolve('kept'), 20_000).unref())
  t.equal(await Promise.race([oldest, late]), 'ended')
  t.notOk(idle[1]?.closed, 'the next is kept')
})

t.test('where somebody listens, even on one address, it says so', async (t) => {
  for (const [version, host] of [
    [4, '127.0.0.1'],
    [4, '127.0.0.2'],
    [4, '0.0.0.0'],
    [6, '::1'],
    [4, '::'],
    [6, '::'],
  ] as const) {
    const other = createServer().listen(0, host)
    await once(other, 'listening')
    t.teardown(() => other.close())
    const { port } = other.address() as AddressInfo
    t.equal(
      await openChallengeServer({ port, version, challenges: new Map(), onEvent: () => undefined }),
      'EADDRINUSE',
      `${host}, IPv${version}`,
    )
  }
  const ipv4Only = createServer().listen(0, '0.0.0.0')
  await once(ipv4Only, 'listening')
  t.teardown(() => ipv4Only.close())
  const server = await openChallengeServer({
    port: (ipv4Only.address() as AddressInfo).port,
    version: 6,
    challenges: new Map(),
    onEvent: () => undefined,
  })
  t.type(server, 'object', 'IPv6 of a server that has IPv4 only is free')
  if (typeof server === 'object') server.close()
})

t.test('once it is closed the port is free, whatever connections there were', async (t) => {
  const { port, close } = await serve(t, 4)
  const open = connect(port, '127.0.0.1')
  await once(open, 'connect')
  const ended = once(open.resume(), 'close')
  close()
  const successor = createServer().listen(port, '0.0.0.0')
  await once(successor, 'listening')
  t.teardown(() => successor.close())
  await ended
  t.equal((successor.address() as AddressInfo).port, port)
})

/** A server on a port that was free a moment ago. */
async function serve(t: Test, version: 4 | 6) {
  const events: FlowEvent[] = []
  let listener: (() => void) | undefined
  const onEvent = (event: FlowEvent) => {
    events.push(event)
    listener?.()
  }
  const challenges = new Map([['token-of-16-chars', keyAuthorization]])
  for (;;) {
    const port = await freePort()
    const server = await openChallengeServer({ port, version, challenges, onEvent })
    if (typeof server === 'string') continue
    t.teardown(() => server.close())
    const heard = (kind: FlowEvent['kind']) =>
      new Promise<void>((resolve) => {
        listener = () => events.some((event) => event.kind === kind) && resolve()
        listener()
      })
    return { port, events, heard, close: () => server.close() }
  }
}
