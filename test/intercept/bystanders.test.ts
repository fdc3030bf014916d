import t from 'tap'
import { write16 } from '../../src/wire/ip.js'
import { ACK, FIN, PSH, RST, SYN } from '../../src/wire/tcp.js'
import { headers, request, requestLine, Stage, token, untouched } from './stage.js'

t.test('a challenge request with a token that is not armed passes, and is told of', (t) => {
  for (const other of ['unknown-token', `${token}x`, token.slice(0, -1), token.toLowerCase()]) {
    const stage = new Stage()
    t.same(stage.client({ text: request.replace(token, other), flags: PSH | ACK }), {
      ...untouched,
      events: ['unknownToken'],
    })
    t.same(stage.client({ at: request.length, ack: 300, flags: FIN | ACK }), untouched)
    t.equal(stage.interceptor.flows, 0)
  }
  t.end()
})

t.test('a request that is not exactly one for a challenge passes, and so does the rest of its connection', (t) => {
  const path = '/.well-known/acme-challenge/'
  const table = [
    [request.replace(token, ''), 'no token'],
    [request.replace(token, 'x'.repeat(129)), 'a token that is too long'],
    [request.replace('GET', 'POST'), 'POST'],
    [request.replace('GET', 'get'), 'a method in lower case'],
    [request.replace('GET', 'OPTIONS'), 'OPTIONS'],
    [request.replace('HTTP/1.1', 'HTTP/2.0'), 'HTTP/2.0'],
    [request.replace(' HTTP/1.1', ''), 'HTTP/0.9'],
    [request.replace(path, `http://example.com${path}`), 'the absolute form'],
    [request.replace(path, `/${path}`), 'a slash more'],
    [request.replace(' HTTP', '?x HTTP'), 'a query'],
    [`\r\n${request}`, 'an empty line first'],
    [`PROXY TCP4 192.0.2.9 192.0.2.1 40000 80\r\n${request}`, 'a PROXY line first'],
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'the preface of HTTP/2'],
    ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 'TLS'],
  ] as const
  for (const [text, what] of table) {
    const stage = new Stage()
    t.same(stage.client({ text, flags: PSH | ACK }), untouched, what)
    t.same(stage.client({ at: text.length, ack: 300, flags: FIN | ACK }), untouched)
    t.equal(stage.interceptor.flows, 0)
  }
  t.end()
})

t.test('the same requests pass in any split', (t) => {
  for (const text of [request.replace(token, 'unknown-token'), request.replace('HTTP/1.1', 'HTTP/1.2')]) {
    for (let at = 1; at < text.length; at++) {
      const stage = new Stage()
      const scenes = [stage.client({ text: text.slice(0, at) }), stage.client({ at, text: text.slice(at) })]
      if (scenes.some(({ server }) => server !== 'the same') || stage.interceptor.flows > 0)
        t.fail(`split at ${at}: ${text.slice(0, at)}`)
    }
    t.pass(text)
  }
  t.end()
})

t.test('segments without payload pass and are not remembered', (t) => {
  for (const flags of [SYN, ACK, FIN | ACK, RST, RST | ACK, 0]) {
    const stage = new Stage()
    t.same(stage.client({ flags }), untouched)
    t.equal(stage.interceptor.flows, 0)
  }
  t.end()
})

t.test('a request in a segment that TCP does not send passes: with SYN, with RST, without ACK', (t) => {
  for (const flags of [SYN, SYN | ACK, RST, RST | ACK, PSH, FIN]) {
    const stage = new Stage()
    t.same(stage.client({ text: request, flags }), untouched)
    t.equal(stage.interceptor.flows, 0)
  }
  t.end()
})

t.test('a request in a packet that is damaged or a fragment passes', (t) => {
  const table: readonly [string, (bytes: Uint8Array) => void][] = [
    ['a wrong checksum', (bytes) => write16(bytes, 36, 0x1234)],
    ['a changed byte', (bytes) => bytes.set([0x58], 60)],
    ['the first fragment', (bytes) => write16(bytes, 6, 0x2000)],
    ['a later fragment', (bytes) => write16(bytes, 6, 0x0003)],
    ['UDP', (bytes) => bytes.set([17], 9)],
  ]
  for (const [what, damage] of table) {
    const stage = new Stage()
    const bytes = stage.connection.packet({ text: request })
    damage(bytes)
    t.same(stage.interceptor.decide(bytes, 0), { verdict: 'accept', replies: [], events: [] }, what)
    t.equal(stage.interceptor.flows, 0)
  }
  t.end()
})

t.test('a challenge request in the middle of a segment passes: it is the body of another', (t) => {
  const stage = new Stage()
  t.same(stage.client({ text: `POST / HTTP/1.1\r\nContent-Length: ${request.length}\r\n\r\n${request}` }), untouched)
  t.equal(stage.interceptor.flows, 0)
  t.end()
})

t.test('half a request line with a FIN passes: nothing more will come', (t) => {
  const stage = new Stage()
  t.same(stage.client({ text: requestLine.slice(0, 20) }), untouched)
  t.same(stage.client({ at: 20, text: requestLine.slice(20, 30), flags: FIN | ACK }), untouched)
  t.equal(stage.interceptor.flows, 0)
  t.end()
})

t.test('a request whose first part was never seen passes', (t) => {
  const stage = new Stage()
  t.same(stage.client({ at: 10, text: request.slice(10) }), untouched)
  t.same(stage.client({ text: request.slice(0, 10) }), untouched, 'nor does its first part make it ours afterwards')
  t.same(stage.client({ at: request.length, ack: 200 }), untouched)
  t.end()
})

t.test('headers alone pass', (t) => {
  t.same(new Stage().client({ text: headers }), untouched)
  t.end()
})
