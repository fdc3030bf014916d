import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import type { WatchEvent } from '../../src/watch/events.js'
import { DEFAULT_WATCH_LIMITS } from '../../src/watch/limits.js'
import { Watcher } from '../../src/watch/watcher.js'
import { ACK, FIN, RST, SYN } from '../../src/wire/tcp.js'
import { holds } from '../holds.js'
import { fromClient, fromServer, ipv4, ipv6 } from './conversation.js'

const request = 'GET /.well-known/acme-challenge/a-token HTTP/1.1\r\nHost: a.example\r\n\r\n'
const response = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\na-token.thumb'
const asked = {
  id: 1,
  at: 1_000,
  family: 4,
  client: { address: '192.0.2.2', port: 40_000 },
  server: { address: '192.0.2.1', port: 80 },
  method: 'GET',
  token: 'a-token',
  host: 'a.example',
} as const
const answered = {
  outcome: 'answered',
  status: 200,
  reason: 'OK',
  contentType: 'text/plain',
  body: 'a-token.thumb',
  startsWithToken: true,
  milliseconds: 2,
} as const

t.test('a request and its answer, with the time between them', (t) => {
  const watcher = new Watcher(80)
  t.strictSame(watcher.take(fromClient(request), 1_000), [{ event: 'request', request: asked }])
  t.strictSame(watcher.take(fromServer('', { heard: request.length, flags: ACK }), 1_001), [])
  t.strictSame(watcher.take(fromServer(response, { heard: request.length }), 1_002), [
    { event: 'answer', request: asked, answer: answered },
  ])
  t.strictSame([...watcher.tick(100_000), ...watcher.finish(100_000)], [], 'nothing more is told')
  t.strictSame(watcher.size, { exchanges: 0, attempts: 0 })
  t.end()
})

t.test('the same by IPv6, and on another port', (t) => {
  const ends = { ...ipv6, serverPort: 8080 }
  const watcher = new Watcher(8080)
  t.match(watcher.take(fromClient(request, { ends }), 0), [
    {
      request: {
        family: 6,
        client: { address: '2001:db8::2', port: 40_000 },
        server: { address: '2001:db8::1', port: 8080 },
      },
    },
  ])
  t.match(watcher.take(fromServer(response, { ends }), 1), [{ answer: { outcome: 'answered', status: 200 } }])
  t.strictSame(new Watcher(80).take(fromClient(request, { ends }), 0), [], 'not on the port that is watched')
  t.end()
})

t.test('what is no request for a challenge is not told of, and not kept', (t) => {
  const watcher = new Watcher(80)
  for (const text of [
    'GET / HTTP/1.1\r\n\r\n',
    'POST /.well-known/acme-challenge/x HTTP/1.1\r\n\r\n',
    'get /.well-known/acme-challenge/x',
    'GETX',
    '\x17\x03\x03',
    '\r\n',
  ]) {
    t.strictSame(watcher.take(fromClient(text), 0), [], text)
    t.equal(watcher.size.exchanges, 0, text)
  }
  t.strictSame(watcher.take(fromClient('GET /.well'), 0), [])
  t.equal(watcher.size.exchanges, 1, 'it may become one')
  t.strictSame(watcher.take(fromClient('-made/', { offset: 10 }), 0), [])
  t.equal(watcher.size.exchanges, 0, 'it has not')
  t.end()
})

t.test('a segment that shows that the one before was no start may be a start itself', (t) => {
  const watcher = new Watcher(80)
  watcher.take(fromClient('GE'), 0)
  t.match(watcher.take(fromClient(request, { offset: 2 }), 1), [{ event: 'request', request: { token: 'a-token' } }])
  t.end()
})

t.test('a token is what follows the path, whatever it is, and nothing in it can steer a terminal', (t) => {
  const tokens = { 'test.txt': 'test.txt', 'a/b?c': 'a/b?c', '\x1b[2J\xff': '\\x1b[2J\\xff', '': '' }
  for (const [sent, shown] of Object.entries(tokens)) {
    t.match(
      new Watcher(80).take(fromClient(`HEAD /.well-known/acme-challenge/${sent} HTTP/1.0\r\n\r\n`), 0),
      [{ request: { method: 'HEAD', token: shown } }],
      shown,
    )
  }
  const text = 'GET /.well-known/acme-challenge/x HTTP/1.1\r\nHost: \x1b]0;title\x07\r\n\r\n'
  t.match(new Watcher(80).take(fromClient(text), 0), [{ request: { host: '\\x1b]0;title\\x07' } }])
  t.end()
})

t.test('packets that pass twice, as over loopback, and segments that are repeated count once', (t) => {
  const watcher = new Watcher(80)
  const events = [fromClient(request), fromServer(response, { heard: 1 })].flatMap((packet) => [
    ...watcher.take(packet, 1_000),
    ...watcher.take(packet, 1_000),
  ])
  t.same(
    events.map(({ event }) => event),
    ['request', 'answer'],
  )
  t.strictSame(watcher.take(fromClient(request), 30_000), [], 'also long after the answer')
  t.end()
})

t.test(
  'on a Docker host what passes before and after the destination NAT counts once, with the address asked for',
  (t) => {
    const inside = { ...ipv4, server: Uint8Array.of(172, 17, 0, 2) }
    const watcher = new Watcher(80)
    const packets = [
      fromClient(request),
      fromClient(request, { ends: inside }),
      fromServer(response, { ends: inside }),
      fromServer(response),
    ]
    const events = packets.flatMap((packet) => [...watcher.take(packet, 1_000)])
    t.same(
      events.map(({ event }) => event),
      ['request', 'answer'],
    )
    t.match(events[0], { request: { server: { address: '192.0.2.1' } } })
    t.end()
  },
)

t.test('a second request on a connection is another one, and an old answer is not its own', (t) => {
  const watcher = new Watcher(80)
  const first = [fromClient(request), fromServer(response, { heard: request.length })]
  const other = request.replace('a-token', 'another')
  const second = fromClient(other, { offset: request.length, heard: response.length })
  const events = [...first, second, ...first.reverse()].flatMap((packet) => [...watcher.take(packet, 1_000)])
  t.match(events, [
    { event: 'request' },
    { event: 'answer' },
    { event: 'request', request: { id: 2, token: 'another' } },
  ])
  t.equal(events.length, 3)
  t.match(
    watcher.take(fromServer('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n', { offset: response.length }), 1_001),
    [{ request: { id: 2 }, answer: { status: 404 } }],
  )
  t.end()
})

t.test('a server that ends the connection without a byte', (t) => {
  const table = [
    ['reset', RST | ACK],
    ['closed', FIN | ACK],
  ] as const
  for (const [outcome, flags] of table) {
    const watcher = new Watcher(80)
    watcher.take(fromClient(request), 1_000)
    t.strictSame(watcher.take(fromServer('', { flags }), 1_003), [
      { event: 'answer', request: asked, answer: { outcome, milliseconds: 3 } },
    ])
    t.strictSame(watcher.tick(99_000), [])
  }
  t.end()
})

t.test('a server that says nothing is told of after ten seconds, and its late answer too', (t) => {
  const watcher = new Watcher(80)
  watcher.take(fromClient(request), 1_000)
  t.strictSame(watcher.tick(10_999), [])
  t.strictSame(watcher.tick(11_000), [
    { event: 'answer', request: asked, answer: { outcome: 'silent', milliseconds: 10_000 } },
  ])
  t.strictSame(watcher.tick(20_000), [], 'once')
  t.match(watcher.take(fromServer(response), 21_000), [
    { event: 'answer', request: { id: 1 }, answer: { outcome: 'answered', milliseconds: 20_000 } },
  ])
  const silent = new Watcher(80)
  silent.take(fromClient(request), 0)
  t.equal(silent.tick(10_000).length, 1)
  t.strictSame([...silent.tick(60_000), ...silent.finish(60_000)], [], 'and nothing more when it is forgotten')
  t.equal(silent.size.exchanges, 0)
  t.end()
})

t.test(
  'a client that resets the connection is told of, unless an answer comes all the same, as it does from our responder',
  (t) => {
    const reset = fromClient('', { offset: request.length, flags: RST })
    const watcher = new Watcher(80)
    watcher.take(fromClient(request), 1_000)
    watcher.take(reset, 1_500)
    t.strictSame(watcher.tick(2_499), [])
    t.match(watcher.tick(2_500), [{ answer: { outcome: 'client-gone', milliseconds: 500 } }])
    const taken = new Watcher(80)
    taken.take(fromClient(request), 1_000)
    taken.take(reset, 1_000)
    t.match(taken.take(fromServer(response, { flags: FIN | ACK }), 1_001), [
      { answer: { outcome: 'answered', status: 200 } },
    ])
    t.end()
  },
)

t.test('a server that speaks something else than HTTP', (t) => {
  const watcher = new Watcher(80)
  watcher.take(fromClient(request), 1_000)
  t.strictSame(watcher.take(fromServer('\x15\x03\x01\x00\x02', { flags: ACK }), 1_001), [], 'more may come')
  t.match(watcher.take(fromServer('', { offset: 5, flags: FIN | ACK }), 1_002), [
    { answer: { outcome: 'not-http', body: '\\x15\\x03\\x01\\x00\\x02', milliseconds: 1 } },
  ])
  t.end()
})

t.test('a response that pauses is told of as it is', (t) => {
  const watcher = new Watcher(80)
  watcher.take(fromClient(request), 1_000)
  watcher.take(fromServer('HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\na-token.'), 1_001)
  t.strictSame(watcher.tick(1_300), [])
  t.match(watcher.tick(1_301), [
    { answer: { outcome: 'answered', body: 'a-token.', startsWithToken: true, milliseconds: 1 } },
  ])
  t.end()
})

t.test('a head that does not come to its end is told of after a second', (t) => {
  const watcher = new Watcher(80)
  t.strictSame(watcher.take(fromClient(request.slice(0, 60)), 1_000), [])
  t.strictSame(watcher.tick(1_999), [])
  t.match(watcher.tick(2_000), [{ event: 'request', request: { token: 'a-token' } }])
  t.match(watcher.take(fromServer('HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n'), 3_000), [
    { event: 'answer', answer: { status: 408 } },
  ])
  t.end()
})

t.test(
  'an answer cut short by the capture, as one that the kernel sends in one large piece, is read as far as it goes',
  (t) => {
    const watcher = new Watcher(80)
    watcher.take(fromClient(request), 1_000)
    const large = fromServer(`HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n${'x'.repeat(60_000)}`)
    t.match(watcher.take(large.subarray(0, 16_384), 1_001), [
      { answer: { outcome: 'answered', status: 200, body: 'x'.repeat(128), startsWithToken: false } },
    ])
    t.end()
  },
)

t.test('at the end what has no answer yet is said to be unknown, and half an answer is told', (t) => {
  const watcher = new Watcher(80)
  watcher.take(fromClient(request), 1_000)
  watcher.take(fromClient(request, { ends: ipv6 }), 1_000)
  watcher.take(fromServer('HTTP/1.1 200 OK\r\nContent-Le', { ends: ipv6 }), 1_001)
  t.match(watcher.finish(1_100), [
    { request: { id: 1 }, answer: { outcome: 'unknown' } },
    { request: { id: 2 }, answer: { outcome: 'answered', status: 200, body: '' } },
  ])
  t.end()
})

t.test('a connection attempt that is refused, or that nobody answers, is told of once', (t) => {
  const watcher = new Watcher(80)
  const attempt = { at: 1_000, family: 4, client: asked.client, server: asked.server } as const
  t.strictSame(watcher.take(fromClient('', { flags: SYN }), 1_000), [])
  t.strictSame(watcher.take(fromServer('', { flags: RST | ACK }), 1_000), [
    { event: 'attempt', attempt: { ...attempt, outcome: 'refused' } },
  ])
  watcher.take(fromClient('', { flags: SYN }), 1_000)
  watcher.take(fromClient('', { flags: SYN }), 2_000)
  t.strictSame(watcher.tick(4_499), [])
  t.strictSame(watcher.tick(4_500), [{ event: 'attempt', attempt: { ...attempt, outcome: 'unanswered' } }])
  t.strictSame(
    [...watcher.take(fromClient('', { flags: SYN }), 8_000), ...watcher.tick(9_000), ...watcher.tick(60_999)],
    [],
  )
  watcher.tick(61_000)
  t.equal(watcher.size.attempts, 0)
  watcher.take(fromClient('', { flags: SYN }), 70_000)
  watcher.take(fromServer('', { flags: SYN | ACK }), 70_000)
  t.strictSame(watcher.tick(80_000), [], 'an attempt that succeeds is none of these')
  t.end()
})

t.test('however many there are, only so many are remembered, and the oldest is told of as it is', (t) => {
  const watcher = new Watcher(80, { ...DEFAULT_WATCH_LIMITS, exchanges: 10, attempts: 10 })
  const events: WatchEvent[] = []
  for (let port = 1; port <= 1_000; port++) {
    for (const packet of [
      fromClient('', { flags: SYN, ends: { ...ipv4, clientPort: port } }),
      fromClient(request, { ends: { ...ipv4, clientPort: port } }),
    ])
      events.push(...watcher.take(packet, port))
  }
  t.strictSame(watcher.size, { exchanges: 10, attempts: 10 })
  t.equal(events.filter(({ event }) => event === 'request').length, 1_000)
  t.equal(events.filter((event) => event.event === 'answer' && event.answer.outcome === 'unknown').length, 990)
  t.end()
})

t.test('properties', (t) => {
  const cuts = (text: string) =>
    fc.uniqueArray(fc.integer({ min: 1, max: text.length - 1 }), { maxLength: 12 }).map((places) =>
      pieces(
        text,
        [...places].sort((a, b) => a - b),
      ),
    )
  holds(
    t,
    'however request and response are split and repeated, they are told of once, and the same',
    fc.property(
      cuts(request),
      cuts(response),
      fc.array(fc.nat(), { maxLength: 8 }),
      (requestPieces, responsePieces, repeats) => {
        const packets = [
          ...requestPieces.map(({ offset, text }) => fromClient(text, { offset })),
          ...responsePieces.map(({ offset, text }) => fromServer(text, { offset, heard: request.length })),
        ]
        // Only what has been sent before can be repeated.
        for (const at of repeats)
          packets.splice((at % packets.length) + 1, 0, packets[Math.floor((at % packets.length) / 2)] as Uint8Array)
        const watcher = new Watcher(80)
        const events = packets.flatMap((packet) => [...watcher.take(packet, 1_000)])
        const { milliseconds: _, ...answer } = answered
        return isDeepStrictEqual(events, [
          { event: 'request', request: asked },
          { event: 'answer', request: asked, answer: { ...answer, milliseconds: 0 } },
        ])
      },
    ),
  )
  holds(
    t,
    'the order of a response’s segments does not matter',
    fc.property(
      cuts(response).chain((list) => fc.shuffledSubarray(list, { minLength: list.length })),
      (responsePieces) => {
        const watcher = new Watcher(80)
        watcher.take(fromClient(request), 1_000)
        const events = responsePieces.flatMap(({ offset, text }) => [
          ...watcher.take(fromServer(text, { offset }), 1_002),
        ])
        return isDeepStrictEqual(events, [{ event: 'answer', request: asked, answer: answered }])
      },
    ),
  )
  const anyFlags = fc.integer({ min: 0, max: 255 })
  const text = fc.oneof(
    fc.constantFrom(
      request,
      response,
      request.slice(0, 40),
      'HTTP/1.1 100 Continue\r\n\r\n',
      'HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
    ),
    fc.string({ maxLength: 60 }),
  )
  const packet = fc.oneof(
    fc.uint8Array({ maxLength: 120 }),
    fc
      .tuple(text, fc.integer({ min: -300, max: 300 }), fc.integer({ min: -300, max: 300 }), anyFlags)
      .map(([said, offset, heard, flags]) => fromClient(said, { offset, heard, flags })),
    fc
      .tuple(text, fc.integer({ min: -300, max: 300 }), fc.integer({ min: -300, max: 300 }), anyFlags)
      .map(([said, offset, heard, flags]) => fromServer(said, { offset, heard, flags })),
    fc
      .tuple(fc.constantFrom(fromClient(request), fromServer(response)), fc.nat(150), fc.nat(255))
      .map(([bytes, at, byte]) => bytes.with(at % bytes.length, byte).subarray(0, 40 + byte)),
  )
  holds(
    t,
    'whatever the packets, nothing throws, every request has one request event, and no memory is kept for ever',
    fc.property(fc.array(fc.tuple(packet, fc.integer({ min: 0, max: 5_000 })), { maxLength: 40 }), (packets) => {
      const watcher = new Watcher(80, { ...DEFAULT_WATCH_LIMITS, exchanges: 3, attempts: 3 })
      let now = 0
      const events = packets.flatMap(([bytes, pause]) => [...watcher.take(bytes, (now += pause)), ...watcher.tick(now)])
      if (watcher.size.exchanges > 3 || watcher.size.attempts > 3) return false
      events.push(...watcher.finish(now))
      const ids = events.flatMap((event) => (event.event === 'request' ? [event.request.id] : []))
      const known = events.every((event) => event.event !== 'answer' || ids.includes(event.request.id))
      watcher.tick(now + 100_000)
      return known && new Set(ids).size === ids.length && watcher.size.exchanges === 0 && watcher.size.attempts === 0
    }),
    { numRuns: 2_000 },
  )
  t.end()
})

function pieces(text: string, places: readonly number[]): { offset: number; text: string }[] {
  return [0, ...places].map((offset, at) => ({ offset, text: text.slice(offset, places[at]) }))
}
