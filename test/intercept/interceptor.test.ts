import fc from 'fast-check'
import t from 'tap'
import { http01Service } from '../../src/challenge/http-01/service.js'
import { Interceptor } from '../../src/intercept/interceptor.js'
import { ACK, FIN, PSH, RST, SYN } from '../../src/wire/tcp.js'
import { ipv4Conversation, ipv6Conversation } from '../fixtures/captured-conversations.js'
import { capturedToken } from '../fixtures/captured.js'
import { fromHex } from '../fixtures/hex.js'
import { holds } from '../holds.js'
import { envelopes, segments } from '../wire/arbitraries.js'
import { emitPacket } from '../../src/wire/packet.js'
import { Connection } from './segments.js'
import {
  headers,
  keyAuthorization,
  reply,
  replyEnd,
  request,
  requestLine,
  Stage,
  swallowed,
  token,
  untouched,
} from './stage.js'

t.test(
  'a validator sends a request in one segment: it gets the reply and our FIN, the server a RST in its place',
  (t) => {
    const stage = new Stage()
    t.same(stage.client({ text: request, flags: PSH | ACK }), {
      server: { at: 0, flags: 'RST' },
      client: [{ at: 0, ack: request.length, flags: 'FIN PSH ACK', text: reply }],
      events: ['takenOver', 'answered'],
    })
    t.same(stage.client({ at: request.length, ack: replyEnd }), { ...swallowed, events: ['acknowledged'] })
    t.same(stage.client({ at: request.length, ack: replyEnd, flags: FIN | ACK }), {
      server: 'nothing',
      client: [{ at: replyEnd, ack: request.length + 1, flags: 'ACK' }],
      events: [],
    })
    t.equal(stage.interceptor.openFlows, 0)
    t.end()
  },
)

t.test('the same over IPv6', (t) => {
  const stage = new Stage(new Connection({ version: 6 }))
  t.same(stage.client({ text: request, flags: PSH | ACK }), {
    server: { at: 0, flags: 'RST' },
    client: [{ at: 0, ack: request.length, flags: 'FIN PSH ACK', text: reply }],
    events: ['takenOver', 'answered'],
  })
  t.end()
})

t.test('captured requests are taken over, and all else of their conversations passes', (t) => {
  for (const conversation of [ipv4Conversation, ipv6Conversation]) {
    const interceptor = new Interceptor([http01Service(new Map([[capturedToken, keyAuthorization]]))])
    const toServer = conversation.filter(({ from }) => from === 'client').map(({ bytes }) => bytes)
    // The request comes right after a packet that let its connection go, so it passes the rules once more.
    const packets = [...toServer.slice(0, 3), ...toServer.slice(2)]
    const verdicts = packets.map((bytes) => interceptor.decide(bytes, 0).verdict)
    t.match(verdicts, ['accept', 'release', 'again', { replace: Uint8Array }, 'drop', 'drop'])
  }
  t.end()
})

t.test('HEAD gets the head of the reply without its body', (t) => {
  const stage = new Stage()
  const { client } = stage.client({ text: request.replace('GET', 'HEAD') })
  t.same(
    client.map(({ text }) => text),
    [reply.slice(0, -keyAuthorization.length)],
  )
  t.end()
})

t.test('HTTP/1.0 and bare line feeds will do', (t) => {
  const { client } = new Stage().client({ text: `${requestLine.replace('1.1\r\n', '1.0\n')}\n` })
  t.same(
    client.map(({ text }) => text),
    [reply],
  )
  t.end()
})

t.test('the head may go on over several segments: each is acknowledged, the last gets the reply', (t) => {
  const stage = new Stage()
  t.same(stage.client({ text: requestLine }), {
    server: { at: 0, flags: 'RST' },
    client: [{ at: 0, ack: requestLine.length, flags: 'ACK' }],
    events: ['takenOver'],
  })
  t.same(stage.client({ at: requestLine.length, text: headers.slice(0, -1) }), {
    server: 'nothing',
    client: [{ at: 0, ack: request.length - 1, flags: 'ACK' }],
    events: [],
  })
  t.same(stage.client({ at: request.length - 1, text: '\n' }), {
    server: 'nothing',
    client: [{ at: 0, ack: request.length, flags: 'FIN PSH ACK', text: reply }],
    events: ['answered'],
  })
  t.end()
})

t.test('a second request on a kept-alive connection is taken over where it begins', (t) => {
  const stage = new Stage()
  const [first, answer] = ['GET / HTTP/1.1\r\nHost: example.com\r\n\r\n'.length, 120]
  t.same(stage.client({ text: 'GET / HTTP/1.1\r\nHost: example.com\r\n\r\n' }), untouched)
  t.same(stage.client({ at: first, ack: answer }), untouched)
  t.same(stage.client({ at: first, ack: answer, text: request }), {
    server: { at: first, flags: 'RST' },
    client: [{ at: answer, ack: first + request.length, flags: 'FIN PSH ACK', text: reply }],
    events: ['takenOver', 'answered'],
  })
  t.end()
})

t.test('what only looked like the start of a request does not hide the one behind it', (t) => {
  for (const stray of ['G', 'GET', 'HEAD /.well-known/']) {
    const stage = new Stage()
    t.same(stage.client({ text: stray }), untouched)
    t.same(stage.client({ at: stray.length, text: request }).server, { at: stray.length, flags: 'RST' })
    const splitStage = new Stage()
    splitStage.client({ text: stray })
    t.same(splitStage.client({ at: stray.length, text: request.slice(0, 10) }), untouched)
    t.same(splitStage.client({ at: stray.length + 10, text: request.slice(10) }).server, {
      at: stray.length + 10,
      flags: 'RST',
    })
  }
  t.end()
})

t.test('what the server sent before the take-over may still be acknowledged: the reply comes behind it', (t) => {
  const stage = new Stage()
  stage.client({ text: requestLine, ack: 100 })
  t.same(stage.client({ at: requestLine.length, text: headers, ack: 250 }).client, [
    { at: 250, ack: request.length, flags: 'FIN PSH ACK', text: reply },
  ])
  t.end()
})

t.test('challenges come and go while it runs', (t) => {
  const stage = new Stage()
  stage.challenges.delete(token)
  t.same(stage.client({ text: request }), { ...untouched, events: ['unknownToken'] })
  stage.challenges.set(token, 'another.authorization')
  const { client } = stage.client({ text: request }, new Connection({ clientPort: 40_001 }))
  t.match(client, [{ text: /\r\n\r\nanother\.authorization$/ }])
  stage.challenges.delete(token)
  t.match(
    stage.client({ text: request }, new Connection({ clientPort: 40_001 })).client,
    [{ text: /another/ }],
    'a connection keeps its reply',
  )
  t.end()
})

t.test('connections are told apart by their ports and addresses', (t) => {
  const stage = new Stage()
  const others = [
    new Connection({ clientPort: 40_001 }),
    new Connection({ serverPort: 8080 }),
    new Connection({ server: fromHex('c000024d') }),
    new Connection({ version: 6 }),
  ]
  stage.client({ text: request })
  for (const other of others) t.same(stage.client({ at: request.length, ack: replyEnd }, other), untouched)
  for (const other of others) t.match(stage.client({ text: request }, other), { server: { flags: 'RST' } })
  t.equal(stage.interceptor.flows, 5)
  t.end()
})

t.test('a RST of the client makes half a request line forgotten, and passes', (t) => {
  const stage = new Stage()
  stage.client({ text: request.slice(0, 20) })
  t.same(stage.client({ at: 20, flags: RST }), untouched)
  t.equal(stage.interceptor.flows, 0)
  t.end()
})

t.test('events say whose request it was', (t) => {
  const stage = new Stage()
  const { events } = stage.interceptor.decide(stage.connection.packet({ text: request }), 0)
  const whose = { key: token, client: stage.connection.toServer.source, clientPort: 40_000 }
  t.same(events, [
    { kind: 'takenOver', ...whose },
    { kind: 'answered', ...whose, answer: { status: 200, bytes: keyAuthorization.length } },
  ])
  const unknown = stage.interceptor.decide(
    stage.connection.packet({ at: 9_000, text: request.replace(token, 'unknown') }),
    0,
  )
  t.same(unknown.events, [], 'on a connection taken over there are no other requests')
  const { events: others } = new Interceptor([http01Service(new Map())]).decide(
    stage.connection.packet({ text: request }),
    0,
  )
  t.same(others, [{ kind: 'unknownToken', ...whose }])
  t.end()
})

t.test('a packet is left as it is, and what is made of it shares no bytes with it', (t) => {
  const stage = new Stage()
  const packet = stage.connection.packet({ text: request })
  const before = packet.slice()
  const { verdict, replies } = stage.interceptor.decide(packet, 0)
  t.same(packet, before)
  packet.fill(0xa5)
  t.ok(typeof verdict === 'object')
  if (typeof verdict === 'object') t.same(stage.connection.atServer(verdict.replace), { at: 0, flags: 'RST' })
  t.match(
    replies.map((bytes) => stage.connection.atClient(bytes)),
    [{ text: reply }],
  )
  t.match(stage.wait(1_000).client, [{ text: reply }], 'nor does the flow hold on to the buffer')
  t.end()
})

t.test('the reply comes with a window that is not 0', (t) => {
  const stage = new Stage()
  const [bytes] = stage.interceptor.decide(stage.connection.packet({ text: request }), 0).replies
  t.same(bytes?.subarray(34, 36), [0xff, 0xff])
  t.end()
})

t.test('properties', (t) => {
  holds(
    t,
    'any bytes are accepted without an exception',
    fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) =>
      ['accept', 'release'].includes(new Interceptor([http01Service(new Map())]).decide(bytes, 0).verdict as string),
    ),
  )
  const parts = fc.tuple(fc.nat(request.length + 5), fc.nat(60))
  const soup = fc.array(
    fc.oneof(fc.tuple(envelopes, segments), fc.tuple(parts, fc.constantFrom(0, ACK, ACK | FIN, RST, SYN, ACK | PSH))),
    { maxLength: 30 },
  )
  holds(
    t,
    'any sequence of segments is decided about without an exception, and forgotten in time',
    fc.property(soup, (sequence) => {
      const stage = new Stage()
      for (const [at, [first, second]] of sequence.entries()) {
        if (Array.isArray(first))
          stage.client({
            at: first[0],
            text: request.slice(first[0], first[0] + first[1]),
            flags: second as number,
            ack: at,
          })
        else stage.interceptor.decide(emitPacket(first, second as Parameters<typeof emitPacket>[1]), stage.now)
        stage.wait(at * 10)
      }
      stage.wait(60_000)
      stage.wait(60_000)
      return stage.interceptor.flows === 0
    }),
    { numRuns: 1000 },
  )
  t.end()
})
