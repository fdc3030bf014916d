import { writeFile, mkdir } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Lab, Namespace, Service } from '../../src/lab/lab.js'
import { startWebServer } from '../../src/lab/web-server.js'
import { inRepository } from '../../src/lab/repository.js'
import { waitUntil } from '../../src/lab/wait-until.js'
import { requiresKernel } from '../requires-kernel.js'
import { callHook, tlsChallengeFor } from '../tls/validator.js'
import { openArmedLab, programs } from './armed-lab.js'
import { challengeFor, requestFor } from './challenge.js'
import { startDnsServer } from './dns-server.js'
import * as at from './namespace-socket.js'
import { connectTcp, exchange } from './tcp-client.js'

const { skip } = await requiresKernel(...programs)
const challenge = challengeFor('watched')

/** An event, as far as the tests look. */
type Event = Readonly<Record<string, unknown>> & { readonly event: string }

t.test('requests and what nginx answers, by IPv4 and IPv6, from outside and over loopback', { skip }, async (t) => {
  const lab = await openArmedLab(t)
  const directory = join(lab.webServer.root, '.well-known/acme-challenge')
  await mkdir(directory, { recursive: true })
  await writeFile(join(directory, challenge.token), challenge.keyAuthorization)
  const watch = await startWatch(t, lab.server)
  for (const [from, address, family] of [
    [lab.validator, '192.0.2.1', 4],
    [lab.validator, '2001:db8::1', 6],
    [lab.server, '127.0.0.1', 4],
    [lab.server, '::1', 6],
  ] as const) {
    await exchange(from, { address }, challenge.request)
    const [asked, answer] = await watch.next(2)
    const source = {
      validator: { 4: lab.validator.addresses.ipv4, 6: lab.validator.addresses.ipv6 },
      server: { 4: '127.0.0.1', 6: '::1' },
    }
    const client = { address: (from === lab.validator ? source.validator : source.server)[family] }
    t.match(
      asked,
      {
        event: 'request',
        family,
        client,
        server: { address, port: 80 },
        method: 'GET',
        token: challenge.token,
        host: 'example.com',
      },
      address,
    )
    t.match(
      answer,
      {
        event: 'answer',
        id: asked?.['id'],
        family,
        client,
        outcome: 'answered',
        status: 200,
        reason: 'OK',
        startsWithToken: true,
        milliseconds: Number,
      },
      address,
    )
    t.equal(answer?.['body'], challenge.keyAuthorization, address)
  }
  await exchange(lab.validator, { address: '192.0.2.1' }, requestFor('HEAD', challenge.path))
  t.match((await watch.next(2))[1], { method: 'HEAD', status: 200 })
  await exchange(lab.validator, { address: '192.0.2.1' }, requestFor('GET', '/'))
  await exchange(lab.validator, { address: '192.0.2.1' }, requestFor('POST', challenge.path))
  await watch.stop('SIGINT')
  t.same(watch.events().length, 1 + 5 * 2, 'each request once, and nothing else')
  t.same(await lab.leftovers(), [])
})

t.test('a redirect with its Location, a 404, and a request in pieces', { skip }, async (t) => {
  const lab = await openArmedLab(t, { noWebServer: true })
  const say = { text: '' }
  await startServer(t, lab.server, (socket) => socket.end(say.text))
  const watch = await startWatch(t, lab.server)
  const ask = async (text: string) => {
    say.text = text
    await exchange(lab.validator, { address: '2001:db8::1' }, challenge.request)
    return (await watch.next(2))[1]
  }
  t.match(await ask('HTTP/1.1 301 Moved\r\nLocation: https://example.com/x\r\nContent-Length: 0\r\n\r\n'), {
    status: 301,
    location: 'https://example.com/x',
  })
  t.match(await ask('HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\na\r\n\x1b'), {
    status: 404,
    reason: 'Not Found',
    body: 'a\\r\\n\\x1b',
  })
  t.match(await ask('220 mail.example ESMTP\r\n'), { outcome: 'not-http', body: '220 mail.example ESMTP\\r\\n' })
  t.match(await ask(''), { outcome: 'closed' })
  say.text = 'HTTP/1.1 200 OK\r\n\r\nx'
  const client = connectTcp(lab.validator, { address: '192.0.2.1' })
  t.teardown(() => client.close())
  for (let from = 0; from < 60; from += 7) {
    client.write(challenge.request.slice(from, Math.min(from + 7, 60)))
    await client.acknowledged()
  }
  client.write(challenge.request.slice(60))
  t.match(await watch.next(2), [
    { event: 'request', token: challenge.token },
    { outcome: 'answered', status: 200, body: 'x', startsWithToken: false },
  ])
  await watch.stop('SIGTERM')
  t.same(await lab.leftovers(), [])
})

t.test('a server that resets, one that says nothing, and none at all', { skip }, async (t) => {
  const lab = await openArmedLab(t, { noWebServer: true })
  const watch = await startWatch(t, lab.server)
  t.throws(() => connectTcp(lab.validator, { address: '192.0.2.1' }), { message: /errno 111$/ })
  t.match(await watch.next(1), [{ event: 'attempt', outcome: 'refused', family: 4 }])
  let answer = (socket: Socket): unknown => socket.resetAndDestroy()
  await startServer(t, lab.server, (socket) => void answer(socket))
  await exchange(lab.validator, { address: '192.0.2.1' }, challenge.request).catch(() => undefined)
  t.match(await watch.next(2), [{ event: 'request' }, { event: 'answer', outcome: 'reset' }])
  answer = () => undefined
  const client = connectTcp(lab.validator, { address: '192.0.2.1' })
  t.teardown(() => client.close())
  client.write(challenge.request)
  t.match(await watch.next(1), [{ event: 'request' }])
  await watch.stop('SIGINT')
  t.match(watch.events().at(-1), { event: 'answer', outcome: 'unknown' }, 'the end is not waited for')
})

t.test('what our own responder answers is shown as well, also behind a destination NAT', { skip }, async (t) => {
  for (const container of [false, true]) {
    const lab = await openArmedLab(t, { container })
    const watch = await startWatch(t, lab.server)
    await lab.arm(challenge)
    for (const address of [lab.server.addresses.ipv4, lab.server.addresses.ipv6]) {
      await exchange(lab.validator, { address }, challenge.request)
      const [asked, answer, ...more] = await watch.next(2)
      t.match(asked, { event: 'request', server: { address } }, address)
      t.match(
        answer,
        { event: 'answer', outcome: 'answered', status: 200, body: challenge.keyAuthorization, startsWithToken: true },
        address,
      )
      t.same(more, [])
    }
    await lab.cleanup(challenge)
    await watch.stop('SIGINT')
    t.same(await lab.leftovers(), [])
  }
})

const onOtherPorts = await requiresKernel(...programs, 'dig', 'openssl')
t.test('who asks which name server for a challenge, and who offers acme-tls/1', onOtherPorts, async (t) => {
  const lab = await openArmedLab(t, { noWebServer: true })
  await startDnsServer(lab.server, 53)
  const dns = await startWatch(t, lab.server, 53)
  const name = '_acme-challenge.example.com'
  const ask = async (from: Namespace, address: string, ...words: string[]) =>
    from.exec(['dig', '+norecurse', '+tries=1', '+time=20', `@${address}`, ...words])
  for (const [from, address, family] of [
    [lab.validator, '192.0.2.1', 4],
    [lab.validator, '2001:db8::1', 6],
    [lab.server, '127.0.0.1', 4],
  ] as const) {
    for (const transport of ['udp', 'tcp']) {
      await ask(from, address, transport === 'tcp' ? '+tcp' : '+notcp', '_ACME-Challenge.example.com', 'TXT')
      const [asked, answer, ...more] = await dns.next(2)
      const server = { address, port: 53 }
      const query = { type: 'dns-01', family, server, transport, name, recordType: 'TXT' }
      t.match(asked, { event: 'request', ...query }, `${address} ${transport}`)
      const told = { id: asked?.['id'], outcome: 'answered', rcode: 'NXDOMAIN', answers: 0, milliseconds: Number }
      t.match(answer, { event: 'answer', ...query, ...told }, `${address} ${transport}`)
      t.same(more, [])
    }
  }
  await ask(lab.validator, '192.0.2.1', 'www.example.com', 'TXT')
  const options = ['--run-dir', lab.runDirectory, '--no-self-check']
  const env = { CERTBOT_DOMAIN: 'example.com', CERTBOT_VALIDATION: 'a'.repeat(43) }
  await lab.server.exec([inRepository('hooks/auth'), ...options], { env })
  for (const transport of ['udp', 'tcp']) {
    await ask(lab.validator, '2001:db8::1', transport === 'tcp' ? '+tcp' : '+notcp', name, 'TXT')
    const told = [{ transport }, { transport, outcome: 'answered', rcode: 'NOERROR', answers: 1 }]
    t.match(await dns.next(2), told, `our own responder's, by ${transport}`)
  }
  await lab.server.exec([inRepository('hooks/cleanup'), ...options], { env })
  await dns.stop('SIGINT')
  t.equal(dns.events().length, 1 + 8 * 2, 'each query once, and nothing else')

  const tls = await startWatch(t, lab.server, 443)
  const offer = async (address: string, protocol: string) => {
    const words = ['-servername', 'example.com', '-alpn', protocol, '-connect', `${address}:443`]
    return lab.validator.exec(['openssl', 's_client', ...words], { input: '', reject: false })
  }
  await offer('192.0.2.1', 'acme-tls/1')
  t.match(await tls.next(1), [{ event: 'attempt', outcome: 'refused' }])
  await startWebServer(lab, { port: 443, isTls: true })
  for (const address of ['192.0.2.1', '[2001:db8::1]']) {
    await offer(address, 'http/1.1')
    await offer(address, 'acme-tls/1')
    const [asked, answer] = await tls.next(2)
    t.match(asked, { event: 'request', type: 'tls-alpn-01', serverName: 'example.com', alpn: ['acme-tls/1'] }, address)
    t.match(answer, { event: 'answer', id: asked?.['id'], outcome: 'answered', milliseconds: Number }, address)
    t.match(answer?.['record'], /^(?:handshake|alert)$/, `${address}: as this nginx does with a protocol it lacks`)
  }
  const armed = tlsChallengeFor('example.com')
  await callHook(lab.server, 'begin', armed, ...options)
  await offer('192.0.2.1', 'acme-tls/1')
  t.match(await tls.next(2), [{}, { outcome: 'answered', record: 'handshake' }], 'our own responder’s')
  await callHook(lab.server, 'done', armed, ...options)
  await tls.stop('SIGINT')
  t.equal(tls.events().length, 1 + 1 + 3 * 2, 'what offers another protocol is not told of')
})

t.test('on a terminal there is a table, without colours when NO_COLOR says so', { skip }, async (t) => {
  const lab = await openArmedLab(t)
  for (const noColor of ['', '1']) {
    const command = `stty cols 150 rows 20; exec ${inRepository('hooks/certbot-nfq')} watch`
    const service = lab.server.spawn(['script', '-qefc', command, '/dev/null'], {
      env: { NO_COLOR: noColor, TERM: 'xterm' },
    })
    await service.waitForOutput(/Waiting for GET/)
    await exchange(lab.validator, { address: '192.0.2.1' }, challenge.request)
    await service.waitForOutput(/body does not start with the token: "served by nginx\\n"/)
    const node = (await lab.server.processes()).find(({ command }) => /main\.js watch/.test(command))
    process.kill(node?.pid ?? NaN, 'SIGINT')
    t.match(await service.exited, { exitCode: 0 })
    t.equal(/\u001B\[31m/.test(service.output()), noColor === '')
    t.match(service.output(), /\u001B\[3A\r\u001B\[J/, 'drawn over')
  }
  t.same(await lab.leftovers(), [])
})

t.test('who reads no further ends it', { skip }, async (t) => {
  const lab: Lab = await openArmedLab(t)
  const service = lab.server.spawn([
    'bash',
    '-c',
    `${inRepository('hooks/certbot-nfq')} watch | head -n 1; echo "ended with \${PIPESTATUS[0]}"`,
  ])
  await service.waitForOutput(/"watching"/)
  await exchange(lab.validator, { address: '192.0.2.1' }, challenge.request)
  t.ok(await service.waitForOutput(/^ended with 0$/m))
})

interface Watch {
  /** Events so far. */
  events(): Event[]
  /** The next events that have not been asked for yet. */
  next(count: number): Promise<Event[]>
  /** Sends the signal; fails unless that ends it well and with nothing on standard error. */
  stop(signal: NodeJS.Signals): Promise<void>
}

/** Starts `certbot-nfq watch`; it watches when this resolves. */
async function startWatch(t: Test, namespace: Namespace, port?: number): Promise<Watch> {
  const options = port === undefined ? [] : ['--port', `${port}`]
  const service: Service = namespace.spawn([inRepository('hooks/certbot-nfq'), 'watch', ...options])
  await service.waitForOutput(/"event":"watching".*\n/)
  const events = () =>
    service
      .output()
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Event)
  let asked = 1
  return {
    events,
    next: async (count) => {
      await waitUntil(() => events().length >= asked + count, `${count} events after ${asked} in\n${service.output()}`)
      const next = events().slice(asked, asked + count)
      asked += count
      return next
    },
    stop: async (signal) => {
      process.kill(
        (await namespace.processes()).find(({ command }) => /main\.js watch/.test(command))?.pid ?? NaN,
        signal,
      )
      t.match(await service.exited, { exitCode: 0 }, signal)
    },
  }
}

/** A server on port 80 of a namespace that does as it is told once the request's head is there. */
async function startServer(t: Test, namespace: Namespace, answer: (socket: Socket) => void): Promise<void> {
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    open.add(socket)
    let head = ''
    socket
      .on('error', () => socket.destroy())
      .on('data', (piece) => {
        head += piece.toString('latin1')
        if (head.endsWith('\r\n\r\n')) answer(socket)
      })
  })
  const fd = at.socketIn(namespace, at.AF_INET6, at.SOCK_STREAM)
  at.setOption(fd, at.IPPROTO_IPV6, at.IPV6_V6ONLY, 0)
  at.bindTo(fd, at.internetAddress('::', 80))
  at.listenOn(fd)
  await new Promise<void>((resolve) => server.listen({ fd }, resolve))
  t.teardown(async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    for (const socket of open) socket.destroy()
    await closed
  })
}
