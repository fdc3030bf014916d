import t from 'tap'
import { requiresKernel } from '../requires-kernel.js'
import { openArmedLab, programs } from './armed-lab.js'
import { challengeFor, requestFor } from './challenge.js'
import { exempt, harden, trackedConnections } from './stateful-rules.js'
import { connectTcp, exchange } from './tcp-client.js'

const challenge = challengeFor('tracking')

t.test('challenges are answered whatever connection tracking does', await requiresKernel(...programs), async (t) => {
  t.test('where it is off it stays off, before, during and after', async (t) => {
    const lab = await openArmedLab(t)
    const address = lab.server.addresses.ipv4
    t.equal(await trackedConnections(lab.server), 0, 'before')
    await lab.arm(challenge)
    const open = connectTcp(lab.validator, { address })
    open.write(challenge.request.slice(0, 50))
    await open.acknowledged()
    t.equal(await trackedConnections(lab.server), 0, 'with a request half sent')
    open.write(challenge.request.slice(50))
    t.equal(await open.ended, challenge.reply)
    t.equal(await trackedConnections(lab.server), 0, 'with a connection taken over')
    await open.close()
    t.equal((await lab.cleanup(challenge)).exitCode, 0)
    await exchange(lab.validator, { address }, requestFor('GET', '/'))
    t.equal(await trackedConnections(lab.server), 0, 'after')
    t.same(await lab.leftovers(), [])
  })

  t.test('traffic that is exempt from it, on a server that tracks', async (t) => {
    const lab = await openArmedLab(t, { prepare: exempt })
    await lab.arm(challenge)
    t.same((await lab.running()).firewall?.tracked, [4, 6])
    for (const [client, addresses] of [
      [lab.validator, [lab.server.addresses.ipv4, lab.server.addresses.ipv6]],
      [lab.server, ['127.0.0.1', '::1']],
    ] as const) {
      for (const address of addresses) {
        t.equal(await exchange(client, { address }, challenge.request), challenge.reply, address)
        const ordinary = await exchange(client, { address }, requestFor('GET', '/'))
        t.ok(ordinary.endsWith(lab.webServer.body), `${address}: an ordinary request`)
      }
    }
    const { stdout } = await lab.server.exec(['cat', '/proc/net/nf_conntrack'], { reject: false })
    t.notMatch(stdout, /dport=80 /, 'nothing of port 80 is tracked')
    t.equal((await lab.cleanup(challenge)).exitCode, 0)
    t.same(await lab.challengesAtWebServer(), [])
    t.same(await lab.leftovers(), [])
  })

  t.test('a server that lets nothing but port 80 pass, not even its own loopback interface', async (t) => {
    const lab = await openArmedLab(t, { prepare: harden })
    await lab.arm(challenge)
    for (const address of [lab.server.addresses.ipv4, lab.server.addresses.ipv6]) {
      t.equal(await exchange(lab.validator, { address }, challenge.request), challenge.reply, address)
    }
    t.equal((await lab.running()).counts['unsent'], 0)
    t.equal((await lab.cleanup(challenge)).exitCode, 0)
    t.same(await lab.leftovers(), [])
  })

  t.test('the same in front of a container', async (t) => {
    const lab = await openArmedLab(t, { container: true, prepare: harden })
    await lab.arm(challenge)
    t.same((await lab.running()).firewall?.tracked, [4, 6], 'that it runs is seen')
    for (const address of [lab.server.addresses.ipv4, lab.server.addresses.ipv6]) {
      t.equal(await exchange(lab.validator, { address }, challenge.request), challenge.reply, address)
    }
    t.equal((await lab.cleanup(challenge)).exitCode, 0)
    t.same(await lab.leftovers(), [])
  })
})
