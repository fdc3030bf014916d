import fc from 'fast-check'
import t from 'tap'
import type { WatchEvent } from '../../src/watch/events.js'
import { formatEvent } from '../../src/watch/json-lines.js'
import { DEFAULT_WATCH_LIMITS } from '../../src/watch/limits.js'
import { Watcher } from '../../src/watch/watcher.js'
import { ACK, FIN, PSH, RST } from '../../src/wire/tcp.js'
import { chromiumHello, pebbleHello } from '../fixtures/captured-hellos.js'
import { alpnExtension, firefoxHello, makeHello, nameExtension } from '../fixtures/hello.js'
import { toText } from '../fixtures/hex.js'
import { holds } from '../holds.js'
import { fromClient, fromServer, ipv4 } from './conversation.js'

const ends = { ...ipv4, serverPort: 443 }
const hello = toText(firefoxHello('a.example', 'acme-tls/1'))
const asked = {
  id: 1,
  at: 1_000,
  family: 4,
  client: { address: '192.0.2.2', port: 40_000 },
  server: { address: '192.0.2.1', port: 443 },
  type: 'tls-alpn-01',
  serverName: 'a.example',
  alpn: ['acme-tls/1'],
} as const
const handshake = '\x16\x03\x03\x00\x7a\x02'
const alert = '\x15\x03\x03\x00\x02\x02\x78'

t.test('a ClientHello that offers acme-tls/1, and a handshake that comes back, as lines of JSON', (t) => {
  const watcher = new Watcher(443)
  t.strictSame(watcher.take(fromClient(hello, { ends }), 1_000), [{ event: 'request', request: asked }])
  const [answer] = watcher.take(fromServer(handshake, { ends }), 1_003)
  const told = { outcome: 'answered', record: 'handshake', milliseconds: 3 }
  t.strictSame(answer, { event: 'answer', request: asked, answer: told })
  const { at: _, ...fields } = asked
  const line = { event: 'answer', time: '1970-01-01T00:00:01.000Z', ...fields, ...told }
  t.strictSame(JSON.parse(formatEvent(answer as WatchEvent)), line)
  t.strictSame([...watcher.tick(100_000), ...watcher.finish(100_000)], [], 'nothing more is told')
  t.strictSame(watcher.size, { exchanges: 0, attempts: 0 })
  t.end()
})

t.test('one of a real validator', (t) => {
  t.match(new Watcher(443).take(fromClient(toText(pebbleHello), { ends }), 0), [
    { request: { type: 'tls-alpn-01', alpn: ['acme-tls/1'] } },
  ])
  t.end()
})

t.test('what else a server does with it', (t) => {
  const table = [
    [alert, PSH, { outcome: 'answered', record: 'alert', alert: 'no_application_protocol' }],
    [alert.replace('\x78', '\xc8'), PSH, { outcome: 'answered', record: 'alert', alert: '200' }],
    ['HTTP/1.1 400 \x1b\r\n', FIN, { outcome: 'not-tls', body: 'HTTP/1.1 400 \\x1b\\r\\n' }],
    ['', RST, { outcome: 'reset' }],
    ['', FIN, { outcome: 'closed' }],
  ] as const
  for (const [said, flags, answer] of table) {
    const watcher = new Watcher(443)
    watcher.take(fromClient(hello, { ends }), 1_000)
    t.strictSame(watcher.take(fromServer(said, { flags: flags | ACK, ends }), 1_001), [
      { event: 'answer', request: asked, answer: { ...answer, milliseconds: 1 } },
    ])
  }
  const silent = new Watcher(443)
  silent.take(fromClient(hello, { ends }), 1_000)
  t.match(silent.tick(11_000), [{ answer: { outcome: 'silent', milliseconds: 10_000 } }])
  t.end()
})

t.test('an alert in pieces is told of when it is whole', (t) => {
  const watcher = new Watcher(443)
  watcher.take(fromClient(hello, { ends }), 1_000)
  t.strictSame(watcher.take(fromServer(alert.slice(0, 6), { ends }), 1_001), [])
  t.match(watcher.take(fromServer(alert.slice(6), { offset: 6, ends }), 1_002), [
    { answer: { alert: 'no_application_protocol', milliseconds: 1 } },
  ])
  t.end()
})

t.test('other connections are not told of, and not kept', (t) => {
  const table = {
    'a browser': toText(chromiumHello),
    'another protocol': toText(firefoxHello('a.example', 'h2', 'http/1.1')),
    'the name of the protocol is longer': toText(firefoxHello('a.example', 'acme-tls/11')),
    'data': '\x17\x03\x03\x00\x01x',
    'an alert': alert,
    'a handshake that is no hello': '\x16\x03\x03\x00\x02\x10\x00',
  }
  for (const [title, text] of Object.entries(table)) {
    const watcher = new Watcher(443)
    t.strictSame(watcher.take(fromClient(text, { ends }), 0), [], title)
    t.strictSame(watcher.size.exchanges, 0, title)
  }
  const watcher = new Watcher(443)
  watcher.take(fromClient(toText(chromiumHello).slice(0, 100), { ends }), 0)
  t.equal(watcher.size.exchanges, 1, 'it may become one')
  watcher.take(fromClient(toText(chromiumHello).slice(100), { offset: 100, ends }), 0)
  t.equal(watcher.size.exchanges, 0, 'it has not')
  t.end()
})

t.test('without a name, with several protocols, and nothing in either can steer a terminal', (t) => {
  const take = (...extensions: Uint8Array[]) =>
    new Watcher(443).take(fromClient(toText(makeHello({ extensions })), { ends }), 1_000)
  const { serverName: _, ...unnamed } = asked
  t.strictSame(take(alpnExtension('h2\x1b', 'acme-tls/1')), [
    { event: 'request', request: { ...unnamed, alpn: ['h2\\x1b', 'acme-tls/1'] } },
  ])
  t.match(take(nameExtension('a\x1b[2J\xff'), alpnExtension('acme-tls/1')), [
    { request: { serverName: 'a\\x1b[2J\\xff' } },
  ])
  t.end()
})

t.test('properties', (t) => {
  holds(
    t,
    'however a hello is split and repeated, it is told of once',
    fc.property(
      fc.uniqueArray(fc.integer({ min: 1, max: hello.length - 1 }), { maxLength: 8 }),
      fc.nat(8),
      (cuts, at) => {
        const places = [0, ...cuts.sort((a, b) => a - b), hello.length]
        const packets = places
          .slice(0, -1)
          .map((from, place) => fromClient(hello.slice(from, places[place + 1]), { offset: from, ends }))
        packets.push(packets[at % packets.length] as Uint8Array)
        const watcher = new Watcher(443)
        const events = packets.flatMap((packet) => [...watcher.take(packet, 1_000)])
        return events.length === 1 && JSON.stringify(events[0]) === JSON.stringify({ event: 'request', request: asked })
      },
    ),
  )
  const text = fc.oneof(
    fc.constantFrom(hello, toText(chromiumHello), handshake, alert, hello.slice(0, 90)),
    fc
      .tuple(fc.nat(600), fc.nat(255))
      .map(([at, byte]) => hello.slice(0, at) + String.fromCharCode(byte) + hello.slice(at + 1)),
  )
  const packet = fc
    .tuple(text, fc.constantFrom(fromClient, fromServer), fc.integer({ min: -300, max: 2_000 }), fc.nat(255))
    .map(([said, speak, offset, flags]) => speak(said, { offset, flags, ends }))
  holds(
    t,
    'whatever the packets, nothing throws, and no more is kept than the limit',
    fc.property(fc.array(packet, { maxLength: 30 }), (packets) => {
      const watcher = new Watcher(443, { ...DEFAULT_WATCH_LIMITS, exchanges: 3 })
      const events = packets.flatMap((bytes, at) => [...watcher.take(bytes, at * 400), ...watcher.tick(at * 400)])
      if (watcher.size.exchanges > 3) return false
      events.push(...watcher.finish(20_000))
      const ids = events.flatMap((event) => (event.event === 'request' ? [event.request.id] : []))
      const known = events.every((event) => event.event !== 'answer' || ids.includes(event.request.id))
      return known && new Set(ids).size === ids.length && watcher.size.exchanges === 0
    }),
    { numRuns: 500 },
  )
  t.end()
})
