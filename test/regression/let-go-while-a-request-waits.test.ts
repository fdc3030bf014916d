import t, { type Test } from 'tap'
import { waitUntil } from '../../src/lab/wait-until.js'
import { ACK, PSH, RST, SYN } from '../../src/wire/tcp.js'
import { requiresKernel } from '../requires-kernel.js'
import { openArmedLab, programs, type ArmedLab } from '../scenarios/armed-lab.js'
import { challengeFor, requestFor } from '../scenarios/challenge.js'
import { openRawHost, type RawClient, type RawHost } from '../scenarios/raw-client.js'
import { soon } from '../scenarios/soon.js'
import { trackInvalid } from '../scenarios/stateful-rules.js'

const challenge = challengeFor('asked for while its connection is let go')
const [head, end] = [challenge.request.slice(0, -2), challenge.request.slice(-2)]

// A packet that let a connection go ended the following that a request behind it in the queue had begun. Then the end
// of that request went to the server, whose RST the client got for an answer.
t.test(
  'a request that waits behind a packet that lets its connection go',
  await requiresKernel(...programs),
  async (t) => {
    await t.test('without connection tracking, by a client that uses its port again', async (t) => {
      const { lab, host } = await openHostAt(t)
      const client = await host.connect(4, { timestamps: false })
      client.send(PSH | ACK, challenge.request)
      const { segment: reply } = await client.receive(2)
      client.acknowledgment = reply.sequence + reply.payload.length + 1
      client.send(RST | ACK)
      client.sequence += 100_000
      // As any client does, for a server that is still closing its socket may miss a SYN.
      await waitUntil(() => {
        client.send(SYN)
        return client.received().length > 2
      }, 'an answer to the new SYN')
      const { segment: greeting } = await client.receive(3)
      client.sequence++
      client.acknowledgment = greeting.sequence + 1
      await whileStopped(lab, () => {
        client.send(ACK)
        client.send(PSH | ACK, head)
      })
      await isAnswered(t, lab, client, 2)
    })
    await t.test('with connection tracking, right behind another request of its connection', async (t) => {
      const { lab, host } = await openHostAt(t, trackInvalid)
      const client = await host.connect(4, { timestamps: false })
      const other = requestFor('GET', '/.well-known/another', false)
      await client.deliver(other.slice(0, 17))
      await whileStopped(lab, () => {
        client.send(PSH | ACK, other.slice(17))
        client.send(PSH | ACK, head)
      })
      await isAnswered(t, lab, client, 1)
    })
  },
)

async function openHostAt(t: Test, prepare?: typeof trackInvalid): Promise<{ lab: ArmedLab; host: RawHost }> {
  const lab = await openArmedLab(t, { ...(prepare && { prepare }) })
  const host = await openRawHost(t, lab)
  await lab.arm(challenge, '--firewall', 'iptables')
  return { lab, host }
}

/** Has packets wait in the queue together. */
async function whileStopped(lab: ArmedLab, send: () => void): Promise<void> {
  const { pid } = await lab.running()
  process.kill(pid, 'SIGSTOP')
  send()
  process.kill(pid, 'SIGCONT')
}

/** Sends the end of the request, and looks at what the client gets for it. */
async function isAnswered(t: Test, lab: ArmedLab, client: RawClient, takenOver: number): Promise<void> {
  await waitUntil(async () => (await lab.running()).counts['takenOver'] === takenOver, 'the request to be taken over')
  const before = client.received().length
  client.send(PSH | ACK, end)
  // A bare acknowledgment, the server's greeting once more, or its reply to the request before, is none.
  const isOfServer = (payload: Uint8Array) => Buffer.from(payload).includes('Server: nginx')
  const answer = () =>
    client
      .received()
      .slice(before)
      .find(({ segment: { flags, payload } }) => (payload.length > 0 && !isOfServer(payload)) || flags & RST)
  await soon(() => answer() !== undefined, 'an answer')
  t.equal(Buffer.from(answer()?.segment.payload ?? []).toString('latin1'), challenge.reply)
  t.equal((await lab.cleanup(challenge)).exitCode, 0)
}
