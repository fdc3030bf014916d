import t, { type Test } from 'tap'
import { waitUntil } from '../../src/lab/wait-until.js'
import { seqAdd } from '../../src/wire/sequence.js'
import { ACK, FIN, PSH, RST } from '../../src/wire/tcp.js'
import { requiresKernel } from '../requires-kernel.js'
import { openArmedLab, programs } from './armed-lab.js'
import { challengeFor, requestFor } from './challenge.js'
import { openRawHost, type RawClient } from './raw-client.js'
import { exchange } from './tcp-client.js'

const challenge = challengeFor('linger')
const { request, reply } = challenge

t.test('the end of the responder while connections are open', await requiresKernel(...programs), async (t) => {
  const lab = await openArmedLab(t)
  const host = await openRawHost(t, lab)

  for (const version of [4, 6] as const) {
    await t.test(`a client that closes meanwhile gets its close, by IPv${version}`, async (t) => {
      await lab.arm(challenge)
      const client = await host.connect(version, { timestamps: true })
      await ask(client)
      const cleanup = lab.cleanupWithDiagnosis(challenge)
      await waitUntil(async () => (await lab.running()).challenges.length === 0, 'the challenge to be disarmed')
      client.send(ACK)
      client.send(FIN | ACK)
      const { segment } = await client.receive(3)
      t.strictSame(
        [segment.flags, segment.acknowledgment, segment.sequence],
        [ACK, client.sequence, client.acknowledgment],
        'its FIN is acknowledged',
      )
      const { exitCode, stderr } = await cleanup
      t.strictSame([exitCode, stderr], [0, ''], 'and the diagnosis has the acknowledgment')
      t.strictSame(
        client.received().filter(({ segment }) => segment.flags & RST),
        [],
        'nobody reset it',
      )
      await lateIsHarmless(t, client)
    })

    await t.test(`one that never closes holds up nobody, by IPv${version}`, async (t) => {
      await lab.arm(challenge)
      const client = await host.connect(version, { timestamps: true })
      await ask(client)
      t.equal((await lab.cleanup(challenge)).exitCode, 0)
      await lateIsHarmless(t, client)
    })
  }
  t.same(await lab.leftovers(), [])
  t.same(await lab.challengesAtWebServer(), [])

  async function ask(client: RawClient): Promise<void> {
    client.send(PSH | ACK, request)
    await client.receive(2)
    client.acknowledgment = seqAdd(client.acknowledgment, reply.length + 1)
  }

  /** Packets that come when the responder is gone are the kernel's, which knows no such connection. */
  async function lateIsHarmless(t: Test, client: RawClient): Promise<void> {
    const count = client.received().length
    client.send(FIN | ACK, '', { again: true, sequence: seqAdd(client.sequence, -1) })
    client.send(PSH | ACK, 'GET / HTTP/1.1\r\n\r\n')
    await client.receive(count + 1)
    t.strictSame(
      client
        .received()
        .slice(count)
        .filter(({ segment }) => !(segment.flags & RST)),
      [],
      'a RST, and nothing else',
    )
    t.match(
      await exchange(lab.validator, { address: lab.server.addresses.ipv4 }, requestFor('GET', '/')),
      /^HTTP\/1\.1 200 OK\r\nServer: nginx/,
    )
  }
})
