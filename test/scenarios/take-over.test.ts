import t from 'tap'
import { requiresKernel } from '../requires-kernel.js'
import { openArmedLab, programs } from './armed-lab.js'
import { challengeFor, replyToHead, requestFor } from './challenge.js'
import { soon } from './soon.js'
import { connectTcp, exchange } from './tcp-client.js'

const challenge = challengeFor('take-over')
const { request, reply } = challenge

t.test('a challenge is taken over however its client behaves', await requiresKernel(...programs), async (t) => {
  const lab = await openArmedLab(t)
  const { ipv4, ipv6 } = lab.server.addresses
  await lab.arm(challenge)

  for (const address of [ipv4, ipv6]) {
    t.test(`a second request on a connection kept alive (${address})`, async (t) => {
      const client = connectTcp(lab.validator, { address })
      client.write(requestFor('GET', '/first', false))
      await soon(() => client.received().endsWith(lab.webServer.body), 'the first answer')
      const first = client.received()
      client.write(request)
      t.match(first, /^HTTP\/1\.1 200 OK\r\nServer: nginx/, 'the first is answered by nginx')
      t.equal((await client.ended).slice(first.length), reply, 'the second is ours')
      await client.close()
    })

    t.test(`HEAD is answered without a body (${address})`, async (t) => {
      t.equal(await exchange(lab.validator, { address }, requestFor('HEAD', challenge.path)), replyToHead(challenge))
    })

    t.test(`HTTP/1.0 and bare line feeds are understood (${address})`, async (t) => {
      t.equal(await exchange(lab.validator, { address }, `GET ${challenge.path} HTTP/1.0\r\n\r\n`), reply)
      t.equal(await exchange(lab.validator, { address }, `GET ${challenge.path} HTTP/1.1\nHost: a\n\n`), reply)
    })

    t.test(`a client that half-closes before the reply still gets it (${address})`, async (t) => {
      const client = connectTcp(lab.validator, { address })
      client.write(request)
      client.halfClose()
      t.equal(await client.ended, reply)
      await client.close()
    })

    t.test(`a client that half-closes in the middle of the head gets the end, and no reply (${address})`, async (t) => {
      const client = connectTcp(lab.validator, { address })
      client.write(request.slice(0, -2))
      await client.acknowledged()
      client.halfClose()
      t.equal(await client.ended, '')
      await client.close()
    })
  }

  t.test('a request to an address added later', async (t) => {
    for (const address of ['192.0.2.77', '2001:db8::77']) {
      await lab.server.addAddress(address)
      t.equal(await exchange(lab.validator, { address }, request), reply, address)
    }
  })

  t.test('a client that resets after its request disturbs nobody', async (t) => {
    for (const address of [ipv4, ipv6]) {
      const client = connectTcp(lab.validator, { address })
      client.write(request)
      await client.reset()
      t.equal(await exchange(lab.validator, { address }, request), reply)
    }
  })

  t.test('a client on the loopback interface of the server', async (t) => {
    for (const address of ['127.0.0.1', '::1', ipv4, ipv6])
      t.equal(await exchange(lab.server, { address }, request), reply, address)
  })

  t.test('the end: clients that never close hold nothing up, and nginx saw resets but no challenge', async (t) => {
    const clients = [ipv4, ipv6].map((address) => connectTcp(lab.validator, { address }))
    for (const client of clients) {
      client.write(request)
      t.equal(await client.ended, reply)
    }
    t.equal((await lab.cleanup(challenge)).exitCode, 0)
    t.same(await lab.leftovers(), [])
    for (const client of clients) await client.close()
    t.same(await lab.challengesAtWebServer(), [])
    t.match(lab.webServer.errorLog(), /\[info\].*Connection reset by peer/)
    t.notMatch(lab.webServer.errorLog(), /\[(warn|error|crit|alert|emerg)\]/)
    const { stdout } = await lab.server.exec(['cat', '/proc/net/tcp', '/proc/net/tcp6'])
    const states = stdout.split('\n').map((line) => line.trim().split(/\s+/)[3])
    t.notOk(
      states.some((state) => state === '01' || state === '08'),
      'no socket of the server is left established or half-closed',
    )
  })
})
