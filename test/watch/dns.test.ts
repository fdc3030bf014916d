import fc from 'fast-check'
import t from 'tap'
import type { WatchEvent } from '../../src/watch/events.js'
import { formatEvent } from '../../src/watch/json-lines.js'
import { DEFAULT_WATCH_LIMITS } from '../../src/watch/limits.js'
import { Watcher } from '../../src/watch/watcher.js'
import { FIN, PSH, ACK, RST } from '../../src/wire/tcp.js'
import { emitUdpPacket } from '../../src/wire/udp.js'
import { framed, queryFor } from '../challenge/dns-01/queries.js'
import { dnsName, dnsQuery } from '../fixtures/dns.js'
import { toText } from '../fixtures/hex.js'
import { holds } from '../holds.js'
import * as tcp from './conversation.js'

const query = queryFor(dnsName)
const ends = { ...tcp.ipv4, serverPort: 53 }
const asked = {
  id: 1,
  at: 1_000,
  family: 4,
  client: { address: '192.0.2.2', port: 40_000 },
  server: { address: '192.0.2.1', port: 53 },
  type: 'dns-01',
  transport: 'udp',
  name: dnsName,
  recordType: 'TXT',
} as const

t.test('a query by UDP and its answer, with the time between them, as lines of JSON', (t) => {
  const watcher = new Watcher(53)
  const [request] = watcher.take(ask(query), 1_000)
  t.strictSame(request, { event: 'request', request: asked })
  const [answer] = watcher.take(reply(responseTo(query, { answers: 2 })), 1_002)
  const told = { outcome: 'answered', rcode: 'NOERROR', answers: 2, milliseconds: 2 }
  t.strictSame(answer, { event: 'answer', request: asked, answer: told })
  const { at: _, ...fields } = asked
  const line = { event: 'answer', time: '1970-01-01T00:00:01.000Z', ...fields, ...told }
  t.strictSame(JSON.parse(formatEvent(answer as WatchEvent)), line)
  t.strictSame([...watcher.tick(100_000), ...watcher.finish(100_000)], [], 'nothing more is told')
  t.strictSame(watcher.size, { exchanges: 0, attempts: 0 })
  t.end()
})

t.test('by IPv6, in mixed case, with EDNS, and for another type', (t) => {
  const watcher = new Watcher(53)
  t.match(watcher.take(ask(dnsQuery, { ends: tcp.ipv6 }), 0), [
    { request: { family: 6, server: { address: '2001:db8::1' }, name: dnsName, recordType: 'TXT' } },
  ])
  t.match(watcher.take(ask(queryFor(dnsName, 28)), 0), [{ request: { recordType: 'AAAA' } }])
  t.match(watcher.take(ask(queryFor(dnsName, 2_000), { clientPort: 1 }), 0), [{ request: { recordType: 'TYPE2000' } }])
  t.end()
})

t.test('an answer has its code, and says when it is too long for a datagram', (t) => {
  const table = [
    [{ rcode: 3 }, { rcode: 'NXDOMAIN', answers: 0 }],
    [{ rcode: 5 }, { rcode: 'REFUSED', answers: 0 }],
    [{ rcode: 15 }, { rcode: 'RCODE15' }],
    [{ isTruncated: true }, { rcode: 'NOERROR', isTruncated: true }],
  ] as const
  for (const [given, answer] of table) {
    const watcher = new Watcher(53)
    watcher.take(ask(query), 0)
    t.match(watcher.take(reply(responseTo(query, given)), 1), [{ answer: { outcome: 'answered', ...answer } }])
  }
  t.end()
})

t.test('an answer that is fragmented, or cut by the capture, or without a right checksum, is read', (t) => {
  const packet = reply(Uint8Array.from([...responseTo(query, { answers: 9 }), ...new Uint8Array(600)]))
  const spoiled = packet.with(26, 1)
  for (const bytes of [packet.subarray(0, 500).with(6, 0x20), packet.subarray(0, 60), spoiled]) {
    const watcher = new Watcher(53)
    watcher.take(ask(query), 0)
    t.match(watcher.take(bytes, 1), [{ answer: { rcode: 'NOERROR', answers: 9 } }])
  }
  t.end()
})

t.test('what is no query for a challenge is not told of, and not kept', (t) => {
  const watcher = new Watcher(53)
  const table = {
    'another name': queryFor('www.example.com'),
    'no name below': queryFor('_acme-challenge'),
    'the label is longer': queryFor('_acme-challenges.example.com'),
    'a response, as our responder makes of a query': query.with(2, 0x81),
    'an update': query.with(2, 0x28),
    'two questions': query.with(5, 2),
    'cut': query.subarray(0, -1),
    'more': Uint8Array.from([...query, 0]),
    'nothing': new Uint8Array(0),
  }
  for (const [title, payload] of Object.entries(table)) {
    t.strictSame(watcher.take(ask(payload), 0), [], title)
    t.equal(watcher.size.exchanges, 0, title)
  }
  t.strictSame(new Watcher(54).take(ask(query), 0), [], 'not on the port that is watched')
  t.strictSame(watcher.take(reply(responseTo(query)), 0), [], 'an answer to nothing')
  t.end()
})

t.test('a query that is repeated, or passes a DNAT, counts once, and so does its answer', (t) => {
  const watcher = new Watcher(53)
  const inside = { ...tcp.ipv4, server: Uint8Array.of(172, 17, 0, 2) }
  const packets = [
    ask(query),
    ask(query, { ends: inside }),
    ...[inside, tcp.ipv4].map((ends) => reply(responseTo(query), { ends })),
  ]
  const events = [...packets, ask(query)].flatMap((packet) => [...watcher.take(packet, 1_000)])
  t.match(events, [{ event: 'request', request: { server: { address: '192.0.2.1' } } }, { event: 'answer' }])
  t.equal(events.length, 2)
  t.strictSame(watcher.take(reply(responseTo(query.with(0, 9))), 1_000), [], 'an answer of another identifier')
  t.match(watcher.take(ask(query.with(0, 9)), 1_000), [{ request: { id: 2 } }], 'another identifier asks again')
  t.match(watcher.take(ask(queryFor('_acme-challenge.example.org')), 1_000), [{ request: { id: 3 } }], 'another name')
  t.end()
})

t.test('a server that says nothing is told of after ten seconds, and its late answer too', (t) => {
  const watcher = new Watcher(53)
  watcher.take(ask(query), 1_000)
  t.strictSame(watcher.tick(10_999), [])
  t.match(watcher.tick(11_000), [{ event: 'answer', answer: { outcome: 'silent', milliseconds: 10_000 } }])
  t.strictSame(watcher.tick(12_000), [], 'once')
  t.match(watcher.take(reply(responseTo(query)), 13_000), [{ answer: { outcome: 'answered', milliseconds: 12_000 } }])
  watcher.take(ask(query.with(0, 9)), 14_000)
  t.match(watcher.finish(14_001), [{ request: { id: 2 }, answer: { outcome: 'unknown' } }])
  t.end()
})

t.test('the same by TCP, however it is split, also after another answer', (t) => {
  const stream = toText(framed(query))
  for (let cut = 1; cut < stream.length; cut++) {
    const watcher = new Watcher(53)
    t.strictSame(watcher.take(tcp.fromClient(stream.slice(0, cut), { ends }), 999), [], `${cut}`)
    t.strictSame(
      watcher.take(tcp.fromClient(stream.slice(cut), { offset: cut, ends }), 1_000),
      [{ event: 'request', request: { ...asked, transport: 'tcp' } }],
      `${cut}`,
    )
    const said = toText(framed(responseTo(query.with(0, 9), { rcode: 5 }), responseTo(query, { answers: 1 })))
    t.strictSame(watcher.take(tcp.fromServer(said.slice(0, cut), { ends }), 1_001), [])
    t.match(watcher.take(tcp.fromServer(said.slice(cut), { offset: cut, ends }), 1_002), [
      { answer: { outcome: 'answered', rcode: 'NOERROR', answers: 1, milliseconds: 1 } },
    ])
  }
  t.end()
})

t.test('by TCP a second query on the connection, a reset, an end, and what is no DNS', (t) => {
  const stream = toText(framed(query))
  const begin = () => {
    const watcher = new Watcher(53)
    watcher.take(tcp.fromClient(stream, { ends }), 1_000)
    return watcher
  }
  const watcher = begin()
  const said = toText(framed(responseTo(query, { rcode: 3 })))
  t.match(watcher.take(tcp.fromServer(said, { ends }), 1_001), [{ answer: { rcode: 'NXDOMAIN' } }])
  const second = tcp.fromClient(stream, { offset: stream.length, heard: said.length, ends })
  t.match(watcher.take(second, 1_002), [{ event: 'request', request: { id: 2 } }])
  t.match(begin().take(tcp.fromServer('', { flags: RST | ACK, ends }), 1_001), [{ answer: { outcome: 'reset' } }])
  t.match(begin().take(tcp.fromServer('', { flags: FIN | ACK, ends }), 1_001), [{ answer: { outcome: 'closed' } }])
  t.match(begin().take(tcp.fromServer('SSH-2.0\r\n', { flags: FIN | PSH | ACK, ends }), 1_001), [
    { answer: { outcome: 'not-dns', body: 'SSH-2.0\\r\\n' } },
  ])
  t.end()
})

t.test('however many there are, only so many are remembered, and the oldest is told of as it is', (t) => {
  const watcher = new Watcher(53, { ...DEFAULT_WATCH_LIMITS, exchanges: 10 })
  const events = Array.from({ length: 1_000 }, (_, at) => [
    ...watcher.take(ask(query, { clientPort: at + 1 }), at),
  ]).flat()
  t.strictSame(watcher.size, { exchanges: 10, attempts: 0 })
  t.equal(events.filter(({ event }) => event === 'request').length, 1_000)
  t.equal(events.filter((event) => event.event === 'answer' && event.answer.outcome === 'unknown').length, 990)
  t.end()
})

t.test('whatever the packets, nothing throws, and no memory is kept for ever', (t) => {
  const message = fc.oneof(
    fc.constantFrom(query, dnsQuery, responseTo(query)),
    fc
      .tuple(fc.constantFrom(query, dnsQuery, responseTo(query)), fc.nat(70), fc.nat(255))
      .map(([bytes, at, byte]) => bytes.with(at % bytes.length, byte)),
    fc.uint8Array({ maxLength: 80 }),
  )
  const packet = fc
    .tuple(message, fc.constantFrom(ask, reply, askByTcp, replyByTcp), fc.nat(2_000))
    .map(([bytes, carry, cut]) => carry(bytes).subarray(0, 2_000 - cut))
  const property = fc.property(fc.array(packet, { maxLength: 30 }), (packets) => {
    const watcher = new Watcher(53, { ...DEFAULT_WATCH_LIMITS, exchanges: 3 })
    const events = packets.flatMap((bytes, at) => [...watcher.take(bytes, at * 400), ...watcher.tick(at * 400)])
    const isBounded = watcher.size.exchanges <= 6
    events.push(...watcher.finish(20_000))
    const ids = events.flatMap((event) => (event.event === 'request' ? [event.request.id] : []))
    const known = events.every((event) => event.event !== 'answer' || ids.includes(event.request.id))
    return isBounded && known && new Set(ids).size === ids.length && watcher.size.exchanges === 0
  })
  holds(t, 'each answer belongs to a request', property, { numRuns: 2_000 })
  t.end()
})

interface Options {
  readonly ends?: tcp.Ends
  readonly clientPort?: number
}

/** A datagram of the client's. */
function ask(payload: Uint8Array, { ends = tcp.ipv4, clientPort = ends.clientPort }: Options = {}): Uint8Array {
  const version = ends.client.length === 4 ? 4 : 6
  const envelope = { version, source: ends.client, destination: ends.server } as const
  return emitUdpPacket(envelope, { sourcePort: clientPort, destinationPort: 53, payload })
}

/** One of the server's. */
function reply(payload: Uint8Array, { ends = tcp.ipv4, clientPort = ends.clientPort }: Options = {}): Uint8Array {
  const version = ends.client.length === 4 ? 4 : 6
  const envelope = { version, source: ends.server, destination: ends.client } as const
  return emitUdpPacket(envelope, { sourcePort: 53, destinationPort: clientPort, payload })
}

function askByTcp(message: Uint8Array): Uint8Array {
  return tcp.fromClient(toText(framed(message)), { ends })
}

function replyByTcp(message: Uint8Array): Uint8Array {
  return tcp.fromServer(toText(framed(message)), { ends })
}

/** The head of a response and the question. Its records are not looked at. */
function responseTo(query: Uint8Array, { rcode = 0, answers = 0, isTruncated = false } = {}): Uint8Array {
  return query
    .with(2, isTruncated ? 0x83 : 0x81)
    .with(3, rcode)
    .with(7, answers)
}
