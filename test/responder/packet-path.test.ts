import t from 'tap'
import { http01Service } from '../../src/challenge/http-01/service.js'
import type { FlowEvent } from '../../src/intercept/interceptor.js'
import type { PacketHandler } from '../../src/kernel/queue.js'
import { openLog } from '../../src/responder/log.js'
import { openPacketPath } from '../../src/responder/packet-path.js'
import { parseAddress } from '../../src/wire/address.js'
import { emitUdpPacket } from '../../src/wire/udp.js'
import { dns01Datagrams } from '../../src/challenge/dns-01/datagrams.js'
import { queryFor } from '../challenge/dns-01/queries.js'
import { dnsName, dnsQuery } from '../fixtures/dns.js'
import { known } from '../fixtures/known.js'
import { fakeClock, turns } from './fake-clock.js'
import { visitOf } from './stage.js'

const token = 'token-of-16-chars'

t.test('a packet is counted; what is ours is answered by the interface it came from', async (t) => {
  const { path, queue, sent, events, said } = await stage()
  const { request, end, connection, reply } = visitOf(token)
  t.equal(queue(connection.packet({ text: 'POST / HTTP/1.1\r\n' }), 3), 'accept')
  t.strictSame(queue(request, 5), { repeat: 0 }, 'right after a release the rules see it once more')
  t.type(queue(request, 5), 'object')
  t.strictSame(
    sent.map(([packet, by]) => [connection.atClient(packet).text, by]),
    [[reply, 5]],
  )
  t.equal(queue(end, 6), 'drop')
  t.match(path.counts, {
    packets: 4,
    dropped: 2,
    replies: 2,
    unsent: 0,
    faults: 0,
    takenOver: 1,
    answered: 1,
    acknowledged: 1,
    abandoned: 0,
    unknownToken: 0,
  })
  t.strictSame(
    events.map(({ kind }) => kind),
    ['takenOver', 'answered', 'acknowledged'],
  )
  t.strictSame(said(), [
    `info ${token} taken over: 192.0.2.2:40000`,
    `info ${token} answered: 192.0.2.2:40000`,
    `info ${token} acknowledged: 192.0.2.2:40000`,
  ])
})

t.test('a request for an unknown token passes, and is for the verbose', async (t) => {
  const { path, queue, said, sent } = await stage()
  t.equal(queue(visitOf('token-of-somebody').request, 1), 'accept')
  t.match(path.counts, { packets: 1, dropped: 0, unknownToken: 1, flows: 0 })
  t.strictSame(said(), ['debug token-of-somebody unknown token: 192.0.2.2:40000'])
  t.strictSame(sent, [])
})

t.test('a datagram is answered when the kernel has its verdict, and not before', async (t) => {
  const { path, handle, sent, said } = await stage()
  const ends = { version: 4 as const, source: parseAddress('192.0.2.2'), destination: parseAddress('192.0.2.1') }
  const packet = (payload: Uint8Array) => emitUdpPacket(ends, { sourcePort: 40_000, destinationPort: 53, payload })
  const { verdict, afterwards } = handle(packet(dnsQuery), 7)
  t.type(verdict, 'object')
  t.strictSame(sent, [])
  known(afterwards)()
  t.strictSame(
    sent.map(([, by]) => by),
    [7],
  )
  t.strictSame(handle(packet(queryFor('_acme-challenge.example.net')), 7), { verdict: 'accept' })
  t.match(path.counts, { packets: 2, dropped: 1, replies: 1, answered: 1, unknownToken: 1, flows: 0 })
  t.strictSame(said(), [
    `info ${dnsName} answered: 192.0.2.2:40000`,
    'debug _acme-challenge.example.net unknown token: 192.0.2.2:40000',
  ])
})

t.test('a datagram that the link does not take is answered by a shorter one', async (t) => {
  let refusals = 1
  const { path, handle, sent, said } = await stage({ send: () => (refusals-- > 0 ? 'EMSGSIZE' : undefined) })
  const ends = { version: 4 as const, source: parseAddress('192.0.2.2'), destination: parseAddress('192.0.2.1') }
  const query = emitUdpPacket(ends, { sourcePort: 40_000, destinationPort: 53, payload: dnsQuery })
  known(handle(query, 7).afterwards)()
  t.equal(sent.length, 2)
  t.ok(known(sent[1])[0].length < known(sent[0])[0].length)
  t.match(path.counts, { replies: 1, unsent: 0 })
  t.notMatch(said().join(), /could not be sent/)
})

t.test('what is not acknowledged is repeated as long as there are connections, and no longer', async (t) => {
  const { path, queue, sent, clock, events } = await stage()
  queue(visitOf(token).request, 5)
  await clock.pass(900)
  t.equal(sent.length, 1)
  await clock.pass(200)
  t.equal(sent.length, 2, 'after a second')
  t.equal(sent[1]?.[1], 5)
  await clock.pass(600_000)
  t.equal(path.counts['flows'], 0)
  t.equal(events.at(-1)?.kind, 'abandoned')
  const calls = sent.length
  queue(visitOf(token, 40_001).request, 6)
  await clock.pass(1_100)
  t.equal(sent.length, calls + 2, 'and anew with the next')
})

t.test('a reply that cannot be sent is counted and said, with the cause where it is known', async (t) => {
  const { path, queue, said } = await stage({ send: (by) => (by === 1 ? 'EPERM' : 'ENETUNREACH') })
  queue(visitOf(token).request, 1)
  queue(visitOf(token, 40_001).request, 2)
  t.match(path.counts, { replies: 2, unsent: 2 })
  t.strictSame(
    said().filter((line) => line.startsWith('warning')),
    [
      'warning a reply could not be sent: EPERM (a firewall rule on outgoing packets dropped it)',
      'warning a reply could not be sent: ENETUNREACH',
    ],
  )
})

t.test('a fault is counted and said, with its place', async (t) => {
  const { path, fail, said } = await stage()
  fail(new Error('broken'))
  fail('broken, too')
  t.equal(path.counts['faults'], 2)
  t.match(said()[0], /^error fault while handling a packet, which was let through: Error: broken/)
  t.equal(said().at(-1), 'error fault while handling a packet, which was let through: broken, too')
})

t.test('connections get their time to close, and no more than that', async (t) => {
  const { path, queue, clock } = await stage()
  await path.drained(2_000)
  t.equal(clock.now(), 0, 'at once without any')
  const { request, end } = visitOf(token)
  queue(request, 1)
  let isDrained = false
  const first = path.drained(2_000).then(() => (isDrained = true))
  await clock.pass(500)
  t.notOk(isDrained)
  queue(end, 1)
  await clock.pass(20)
  await first
  queue(visitOf(token, 40_001).request, 1)
  const second = path.drained(2_000)
  await clock.pass(2_000)
  await second
})

t.test('packets that the kernel lost are said when there are more of them', async (t) => {
  const { clock, kernel, said, path } = await stage()
  const warnings = () => said().filter((line) => line.includes('too many packets for the queue'))
  await clock.pass(60_000)
  t.strictSame(warnings(), [])
  kernel.lost = 7
  await clock.pass(60_000)
  kernel.lost = 9
  await clock.pass(60_000)
  t.match(warnings(), [/: 7 dropped by the kernel/, /: 2 dropped by the kernel/])
  t.equal(path.counts['lostByKernel'], 9)
})

interface StageOptions {
  /** The error's name by the interface, or nothing. */
  readonly send?: (by: number) => string | undefined
}

/** The way of packets with a queue and a raw socket of the test's. */
async function stage({ send = () => undefined }: StageOptions = {}) {
  const clock = fakeClock()
  const log = openLog(true, [])
  const sent: [Uint8Array, number][] = []
  const events: FlowEvent[] = []
  const kernel = { lost: 0 }
  let handle: PacketHandler | undefined
  let fail: (thrown: unknown) => void = () => undefined
  const path = await openPacketPath(
    [http01Service(new Map([[token, `${token}.print`]]))],
    {
      queue: undefined,
      letGoMark: () => undefined,
      datagrams: [dns01Datagrams({ valuesOf: (name) => (name === dnsName ? ['value'] : []) })],
    },
    {
      clock,
      openQueue: async (_number, handler, onError) => {
        handle = handler
        fail = onError
        return {
          number: 8555,
          port: 4711,
          isFailOpen: false,
          limit: () => false,
          counts: () => ({ waiting: 0, lost: kernel.lost }),
        }
      },
      openRawSockets: async () => (packet, by) => {
        sent.push([packet, by])
        return send(by)
      },
    },
    log,
    (event) => events.push(event),
  )
  await turns()
  return {
    path,
    clock,
    sent,
    events,
    kernel,
    queue: (packet: Uint8Array, by: number) => handle?.(packet, by).verdict,
    handle: (packet: Uint8Array, by: number) => known(handle)(packet, by),
    fail: (thrown: unknown) => fail(thrown),
    said: () => log.recent.map((line) => line.split(' ').slice(1).join(' ')),
  }
}
