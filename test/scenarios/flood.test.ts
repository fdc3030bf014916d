import t, { type Test } from 'tap'
import { FURTHER_QUEUED, INCOMPLETE_QUEUED } from '../../src/firewall/ruleset.js'
import { run } from '../../src/lab/run.js'
import { emitPacket } from '../../src/wire/packet.js'
import { ACK, PSH } from '../../src/wire/tcp.js'
import { requiresKernel } from '../requires-kernel.js'
import { openArmedLab, programs, type ArmedLab } from './armed-lab.js'
import { challengeFor } from './challenge.js'
import { parseAddress } from './namespace-socket.js'
import { hardwareAddress, openPacketSocket } from './packet-socket.js'
import { openRawHost } from './raw-client.js'
import { trackInvalid } from './stateful-rules.js'
import { exchange } from './tcp-client.js'

const challenge = challengeFor('flood')
const half = 'GET /.well-known/acme-challenge/ab'

/** Half requests sent before each validation: more than the queue has room for (1,024 packets). */
const BURST = 2_000
const VALIDATIONS = 20
/** More than a validation has. */
const PACKETS = 20

t.test(
  'a flood of half requests leaves the kernel within limits, and every validation is answered meanwhile',
  await requiresKernel(...programs),
  async (t) => {
    for (const [tracking, options] of [
      ['off', {}],
      ['on', { prepare: trackInvalid }],
    ] as const) {
      t.test(`connection tracking ${tracking}`, async (t) => {
        const lab = await openArmedLab(t, options)
        await lab.arm(challenge)
        const flood = await openFlood(t, lab)
        const start = performance.now()
        for (let done = 0; done < VALIDATIONS; done++) {
          const address = done % 2 === 0 ? lab.server.addresses.ipv4 : lab.server.addresses.ipv6
          flood.burst(BURST / 2)
          const answer = exchange(lab.validator, { address }, challenge.request)
          flood.burst(BURST / 2)
          t.equal(await answer, challenge.reply, `${address}, validation ${done + 1}`)
        }
        const { counts, limits = {} } = await lab.running()
        // As many half requests as the limit allows for this time, by IPv4 and IPv6, and the validations.
        const seconds = (performance.now() - start) / 1_000
        const most = 2 * INCOMPLETE_QUEUED.inAll * (seconds + 1) + VALIDATIONS * PACKETS
        t.ok(
          (counts['packets'] ?? NaN) <= most,
          `${counts['packets']} of ${VALIDATIONS * BURST} packets left the kernel`,
        )
        for (const name of ['flows', 'bytesHeld', 'tokens']) {
          const [count = NaN, limit = NaN] = [counts[name], limits[name]]
          t.ok(count > 0 && count <= limit, `${name}: ${count} of ${limit}, said by status`)
        }
        t.equal(counts['faults'], 0)
        t.equal((await lab.cleanup(challenge)).exitCode, 0)
        t.same(await lab.challengesAtWebServer(), [])
        t.same(await lab.leftovers(), [])
      })
    }

    t.test('packets of a followed connection leave the kernel within limits too', async (t) => {
      const lab = await openArmedLab(t, { prepare: trackInvalid })
      await lab.arm(challenge)
      const client = await (await openRawHost(t, lab)).connect(4, { timestamps: false })
      // The responder waits for the rest of this request, so further packets of the connection are queued.
      await client.deliver(half)
      const start = performance.now()
      for (let done = 0; done < VALIDATIONS; done++) {
        const answer = exchange(lab.validator, { address: lab.server.addresses.ipv4 }, challenge.request)
        for (let sent = 0; sent < BURST; sent++) client.send(ACK)
        t.equal(await answer, challenge.reply, `validation ${done + 1}`)
      }
      const { packets = NaN } = (await lab.running()).counts
      const seconds = (performance.now() - start) / 1_000
      const most = FURTHER_QUEUED.perSecond * (seconds + 1) + FURTHER_QUEUED.atOnce + VALIDATIONS * PACKETS
      t.ok(
        packets >= FURTHER_QUEUED.atOnce && packets <= most,
        `${packets} of ${VALIDATIONS * BURST} packets left the kernel within ${seconds} s`,
      )
      t.equal((await lab.cleanup(challenge)).exitCode, 0)
      t.same(await lab.challengesAtWebServer(), [])
    })

    t.test('from more addresses than the kernel remembers without connection tracking', async (t) => {
      const lab = await openArmedLab(t)
      await lab.arm(challenge)
      const flood = await openFlood(t, lab, 200)
      for (const address of [lab.server.addresses.ipv4, lab.server.addresses.ipv6]) {
        for (let times = 0; times < 5; times++) {
          flood.burst(250)
          const answer = exchange(lab.validator, { address }, challenge.request)
          flood.burst(250)
          t.equal(await answer, challenge.reply, `answered at ${address}`)
        }
      }
      t.equal((await lab.cleanup(challenge)).exitCode, 0)
      t.same(await lab.leftovers(), [])
    })
  },
)

interface Flood {
  /** Sends so many half requests, each from another port, and of both families. */
  burst(packets: number): void
}

/** Hosts that exist in this process only; each packet is the middle of a connection that nobody has opened. */
async function openFlood(t: Test, lab: ArmedLab, hosts = 4): Promise<Flood> {
  const { server, validator } = lab
  const sources = Array.from({ length: hosts }, (_, at) => [
    `198.51.100.${at + 1}`,
    `2001:db8:51::${(at + 1).toString(16)}`,
  ]).flat()
  // Their RSTs go nowhere: the server need not resolve addresses that nobody has.
  for (const [family, network] of [
    ['-4', '198.51.100.0/24'],
    ['-6', '2001:db8:51::/64'],
  ] as const) {
    await run([
      'ip',
      family,
      '-n',
      server.name,
      'route',
      'add',
      network,
      'via',
      family === '-4' ? validator.addresses.ipv4 : validator.addresses.ipv6,
    ])
  }
  const cable = await openPacketSocket(t, validator, validator.device, await hardwareAddress(server, server.device))
  const payload = Uint8Array.from(Buffer.from(half))
  let sent = 0
  const send = (source: Uint8Array, sourcePort: number, sequence: number) => {
    const version = source.length === 4 ? 4 : 6
    const destination = parseAddress(version === 4 ? server.addresses.ipv4 : server.addresses.ipv6)
    const segment = { sourcePort, destinationPort: 80, sequence, acknowledgment: 1, flags: PSH | ACK, window: 500 }
    cable.send(emitPacket({ version, source, destination }, { ...segment, payload }))
  }
  return {
    burst: (packets) => {
      for (const end = sent + packets; sent < end; sent++) {
        const source = parseAddress(sources[sent % sources.length] as string)
        send(source, 1_024 + (Math.floor(sent / sources.length) % 60_000), sent)
      }
    },
  }
}
