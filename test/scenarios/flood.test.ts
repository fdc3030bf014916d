import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { run } from '../../src/lab/run.js'
import { emitPacket } from '../../src/wire/packet.js'
import { ACK, PSH } from '../../src/wire/tcp.js'
import { requiresKernel } from '../requires-kernel.js'
import { openArmedLab, programs, type ArmedLab } from './armed-lab.js'
import { challengeFor } from './challenge.js'
import { parseAddress } from './namespace-socket.js'
import { hardwareAddress, openPacketSocket } from './packet-socket.js'
import { trackInvalid } from './stateful-rules.js'
import { exchange } from './tcp-client.js'

const challenge = challengeFor('flood')
const half = Uint8Array.from(Buffer.from('GET /.well-known/acme-challenge/ab'))

/** Half requests forgotten because there were too many; the limit is 4,096 at once (src/intercept/limits.ts). */
const ENOUGH_EVICTIONS = 4_000

/** Few enough to fit the kernel's queue (1,024 packets), so that nothing has to be lost. */
const BURST = 500

/** docs/security.md: bytes that half requests may take, all together and whatever their number. */
const MEMORY_BOUND = 32 * 1024 * 1024

t.test(
  'a flood of half requests ends in evictions, not in memory, and validations are answered meanwhile',
  await requiresKernel(...programs),
  async (t) => {
    for (const [tracking, options] of [
      ['off', {}],
      ['on', { prepare: trackInvalid }],
    ] as const) {
      t.test(`connection tracking ${tracking}`, async (t) => {
        const lab = await openArmedLab(t, options)
        await lab.arm(challenge)
        const { pid } = await lab.running()
        const flood = await openFlood(t, lab)
        const before = residentBytes(pid)

        for (const address of [lab.server.addresses.ipv4, lab.server.addresses.ipv6]) {
          const { evicted } = (await lab.running()).counts
          const flooded = flood.until((evicted ?? 0) + ENOUGH_EVICTIONS)
          let answered = 0
          do {
            if ((await exchange(lab.validator, { address }, challenge.request)) !== challenge.reply)
              t.fail(`not answered at ${address}`)
            answered++
          } while (!(await flood.isOver(flooded)))
          t.ok(answered > 1, `${answered} validations at ${address} during the flood`)
        }

        const { counts, limits = {} } = await lab.running()
        t.ok((counts['evicted'] ?? 0) >= 2 * ENOUGH_EVICTIONS, `${counts['evicted']} evictions, said by status`)
        for (const name of ['flows', 'bytesHeld', 'tokens']) {
          const [count = NaN, limit = NaN] = [counts[name], limits[name]]
          t.ok(count > 0 && count <= limit, `${name}: ${count} of ${limit}, said by status`)
        }
        t.equal(counts['faults'], 0)
        const grown = residentBytes(pid) - before
        t.ok(grown < MEMORY_BOUND, `${grown} bytes more than before the flood`)
        t.equal((await lab.cleanup(challenge)).exitCode, 0)
        t.same(await lab.challengesAtWebServer(), [])
        t.same(await lab.leftovers(), [])
      })
    }

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
  /** Goes on until the responder has forgotten so many. */
  until(evictions: number): Promise<void>
  isOver(flooded: Promise<void>): Promise<boolean>
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
  let sent = 0
  const burst = (packets: number) => {
    for (const end = sent + packets; sent < end; sent++) {
      const source = parseAddress(sources[sent % sources.length] as string)
      const version = source.length === 4 ? 4 : 6
      const destination = parseAddress(version === 4 ? server.addresses.ipv4 : server.addresses.ipv6)
      const sourcePort = 1_024 + (Math.floor(sent / sources.length) % 60_000)
      cable.send(
        emitPacket(
          { version, source, destination },
          {
            sourcePort,
            destinationPort: 80,
            sequence: sent,
            acknowledgment: 1,
            flags: PSH | ACK,
            window: 500,
            payload: half,
          },
        ),
      )
    }
  }
  return {
    burst,
    until: async (evictions) => {
      for (;;) {
        // Its answer comes after the packets that were queued before.
        const { evicted } = (await lab.running()).counts
        if ((evicted ?? 0) >= evictions) return
        burst(BURST)
      }
    },
    isOver: async (flooded) =>
      (await Promise.race([
        flooded.then(() => 'over'),
        new Promise((resolve) => setImmediate(resolve, 'under way')),
      ])) === 'over',
  }
}

function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) * 1024
}
