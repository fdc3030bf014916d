import t from 'tap'
import { ACK, FIN, PSH, RST } from '../../src/wire/tcp.js'
import { headers, reply, replyEnd, request, requestLine, Stage, swallowed, untouched } from './stage.js'

const end = request.length
const fullReply = { at: 0, ack: end, flags: 'FIN PSH ACK', text: reply }
/** What a segment out of place is answered once the reply is out. */
const challenge = { at: replyEnd, ack: end, flags: 'ACK' }

t.test('the client closes after us: its FIN is acknowledged, and again when it comes again', (t) => {
  const stage = answered()
  t.same(stage.client({ at: end, ack: replyEnd }).events, ['acknowledged'])
  t.equal(stage.interceptor.openFlows, 1)
  for (const _ of ['first', 'again', 'and again']) {
    t.same(stage.client({ at: end, ack: replyEnd, flags: FIN | ACK }).client, [
      { at: replyEnd, ack: end + 1, flags: 'ACK' },
    ])
    t.equal(stage.interceptor.openFlows, 0)
  }
  t.end()
})

t.test('the client acknowledges and closes in one segment', (t) => {
  const stage = answered()
  t.same(stage.client({ at: end, ack: replyEnd, flags: FIN | ACK }), {
    server: 'nothing',
    client: [{ at: replyEnd, ack: end + 1, flags: 'ACK' }],
    events: ['acknowledged'],
  })
  t.equal(stage.interceptor.openFlows, 0)
  t.end()
})

t.test('the client closes with its request: the reply acknowledges that too', (t) => {
  const stage = new Stage()
  t.same(stage.client({ text: request, flags: FIN | PSH | ACK }).client, [{ ...fullReply, ack: end + 1 }])
  t.same(stage.client({ at: end + 1, ack: replyEnd }), { ...swallowed, events: ['acknowledged'] })
  t.equal(stage.interceptor.openFlows, 0)
  t.end()
})

t.test(
  'the client closes before it has our reply: its FIN is acknowledged, and the reply waits for its time-out',
  (t) => {
    const stage = answered()
    t.same(stage.client({ at: end, flags: FIN | ACK }).client, [{ at: replyEnd, ack: end + 1, flags: 'ACK' }])
    t.same(stage.wait(1_000).client, [{ ...fullReply, ack: end + 1 }])
    t.same(stage.client({ at: end + 1, ack: replyEnd }).events, ['acknowledged'])
    t.equal(stage.interceptor.openFlows, 0)
    t.end()
  },
)

t.test('a client that closes in the middle of the head gets our FIN and no reply', (t) => {
  const stage = new Stage()
  stage.client({ text: requestLine })
  const at = requestLine.length
  t.same(stage.client({ at, text: headers.slice(0, 10), flags: FIN | ACK }), {
    server: 'nothing',
    client: [{ at: 0, ack: at + 11, flags: 'FIN ACK' }],
    events: [],
  })
  t.same(stage.client({ at: at + 11, ack: 1 }), swallowed)
  t.equal(stage.interceptor.openFlows, 0)
  t.same(stage.wait(30_000), { client: [], events: ['abandoned'] })
  t.end()
})

t.test('a FIN alone in the middle of the head does the same', (t) => {
  const stage = new Stage()
  stage.client({ text: requestLine })
  t.same(stage.client({ at: requestLine.length, flags: FIN | ACK }).client, [
    { at: 0, ack: requestLine.length + 1, flags: 'FIN ACK' },
  ])
  t.end()
})

t.test('a FIN behind a gap does not count yet', (t) => {
  const stage = new Stage()
  stage.client({ text: requestLine })
  const at = requestLine.length
  t.same(stage.client({ at: end, flags: FIN | ACK }).client, [{ at: 0, ack: at, flags: 'ACK' }])
  t.same(stage.client({ at: at + 5, text: headers.slice(5), flags: FIN | ACK }).client, [
    { at: 0, ack: at, flags: 'ACK' },
  ])
  t.same(stage.client({ at, text: headers, flags: FIN | ACK }).client, [{ ...fullReply, ack: end + 1 }])
  t.end()
})

t.test('a FIN behind the first one does not count', (t) => {
  const stage = answered()
  stage.client({ at: end, flags: FIN | ACK })
  t.same(stage.client({ at: end + 1, ack: replyEnd, flags: FIN | ACK }).client, [
    { at: replyEnd, ack: end + 1, flags: 'ACK' },
  ])
  t.end()
})

t.test('the request that comes again gets the reply again, until it is acknowledged', (t) => {
  const stage = answered()
  t.same(stage.client({ text: request }).client, [fullReply])
  t.same(stage.client({ text: request.slice(0, 20) }).client, [fullReply])
  stage.client({ at: end, ack: replyEnd })
  t.same(stage.client({ text: request }).client, [{ at: replyEnd, ack: end, flags: 'ACK' }])
  t.end()
})

t.test('a part of the head that comes again is acknowledged again', (t) => {
  const stage = new Stage()
  stage.client({ text: requestLine })
  t.same(stage.client({ text: requestLine }).client, [{ at: 0, ack: requestLine.length, flags: 'ACK' }])
  t.end()
})

t.test('a part of the head that overlaps the one before goes on where that ended', (t) => {
  const stage = new Stage()
  stage.client({ text: request.slice(0, 100) })
  t.same(stage.client({ at: 90, text: request.slice(90) }).client, [fullReply])
  t.end()
})

t.test('a part of the head behind a gap is not kept, and the gap is pointed at', (t) => {
  const stage = new Stage()
  stage.client({ text: requestLine })
  const [at, gap] = [requestLine.length, [{ at: 0, ack: requestLine.length, flags: 'ACK' }]]
  t.same(stage.client({ at: at + 5, text: headers.slice(5) }).client, gap)
  t.same(stage.client({ at, text: headers.slice(0, 5) }).client, [{ at: 0, ack: at + 5, flags: 'ACK' }])
  t.same(stage.client({ at: at + 5, text: headers.slice(5) }).client, [fullReply])
  t.end()
})

t.test('what comes behind the head is acknowledged and ignored', (t) => {
  const stage = answered()
  t.same(stage.client({ at: end, text: 'GET /next HTTP/1.1\r\n' }).client, [
    { at: replyEnd, ack: end + 20, flags: 'ACK' },
  ])
  t.end()
})

t.test('after an acknowledgment of part of the reply the rest is repeated', (t) => {
  for (const ack of [0, 50, reply.length - 1]) {
    const stage = answered()
    t.same(stage.client({ at: end, ack }), swallowed, `${ack}`)
    t.same(stage.wait(1_000).client, [{ ...fullReply, at: ack, text: reply.slice(ack) }])
  }
  t.end()
})

t.test('our FIN is repeated alone once all before it is acknowledged', (t) => {
  const stage = answered()
  t.same(stage.client({ at: end, ack: reply.length }), swallowed)
  t.same(stage.wait(1_000).client, [{ at: reply.length, ack: end, flags: 'FIN ACK' }])
  t.end()
})

t.test('an acknowledgment of what was never sent does not count, and is answered (RFC 5961, 5.2)', (t) => {
  const stage = answered()
  for (const ack of [replyEnd + 1, replyEnd + 1_000, replyEnd + 2 ** 31, replyEnd - 65_536])
    t.same(stage.client({ at: end, ack }), { ...swallowed, client: [challenge] }, `${ack}`)
  t.same(stage.wait(1_000).client, [fullReply])
  t.end()
})

t.test('what comes with such an acknowledgment does not count', (t) => {
  for (const ack of [-65_536, -(2 ** 30), 2 ** 30 + 1]) {
    const stage = new Stage()
    stage.client({ text: requestLine })
    const answer = { at: 0, ack: requestLine.length, flags: 'ACK' }
    t.same(stage.client({ at: requestLine.length, text: 'X: y\r\n\r\n', ack }).client, [answer])
    t.same(stage.client({ at: requestLine.length, flags: FIN | ACK, ack }).client, [answer])
    t.same(stage.client({ at: requestLine.length, text: headers }).client, [fullReply])
  }
  t.end()
})

t.test('before the answer, an acknowledgment with a sequence number out of the window does not move its place', (t) => {
  for (const at of [requestLine.length + 65_536, -65_536, 2 ** 31]) {
    const stage = new Stage()
    stage.client({ text: requestLine })
    stage.client({ at, ack: 100 })
    t.same(stage.client({ at: requestLine.length, text: headers }).client, [fullReply])
  }
  t.end()
})

t.test('a keep-alive probe is answered, though not without end', (t) => {
  const stage = answered()
  stage.client({ at: end, ack: replyEnd })
  const probes = Array.from({ length: 100 }, () => stage.client({ at: end - 1, ack: replyEnd }).client)
  t.same(probes[0], [{ at: replyEnd, ack: end, flags: 'ACK' }])
  t.equal(probes.filter(({ length }) => length > 0).length, 16)
  t.end()
})

t.test('a keep-alive probe with a byte in it is answered too', (t) => {
  const stage = answered()
  stage.client({ at: end, ack: replyEnd })
  t.same(stage.client({ at: end - 1, text: '\n', ack: replyEnd }).client, [{ at: replyEnd, ack: end, flags: 'ACK' }])
  t.end()
})

t.test('a plain acknowledgment is not answered', (t) => {
  t.same(answered().client({ at: end }), swallowed)
  t.end()
})

t.test('a RST at the sequence number that comes next ends the connection without a word', (t) => {
  for (const flags of [RST, RST | ACK]) {
    const stage = answered()
    t.same(stage.client({ at: end, flags }), { ...swallowed, events: ['abandoned'] })
    t.equal(stage.interceptor.flows, 0)
    t.same(stage.wait(1_000), { client: [], events: [] })
  }
  t.end()
})

t.test('another RST in the window is answered, so that a client that means it can say so (RFC 5961, 3.2)', (t) => {
  for (const ahead of [1, 65_534]) {
    for (const flags of [RST, RST | ACK]) {
      const stage = answered()
      t.same(stage.client({ at: end + ahead, flags }), { ...swallowed, client: [challenge] })
      t.equal(stage.interceptor.openFlows, 1)
      t.same(stage.client({ at: challenge.ack, flags: RST }), { ...swallowed, events: ['abandoned'] })
    }
  }
  t.end()
})

t.test('a RST outside the window changes nothing', (t) => {
  for (const [ahead, outcome] of [
    [-1, swallowed],
    [-end, swallowed],
    [65_535, swallowed],
    [65_536, untouched],
    [2 ** 31, untouched],
  ] as const) {
    const stage = answered()
    t.same(stage.client({ at: end + ahead, flags: RST }), outcome)
    t.equal(stage.interceptor.flows, 1)
    t.same(stage.wait(1_000).client, [fullReply])
  }
  t.end()
})

t.test('a RST after the acknowledgment is no loss', (t) => {
  const stage = answered()
  stage.client({ at: end, ack: replyEnd })
  t.same(stage.client({ at: end, flags: RST }), swallowed)
  t.equal(stage.interceptor.flows, 0)
  t.end()
})

t.test('a segment without ACK is ignored', (t) => {
  const stage = answered()
  t.same(stage.client({ at: end, flags: FIN, ack: replyEnd }), swallowed)
  t.equal(stage.interceptor.openFlows, 1)
  t.end()
})

t.test(
  'a closed connection stays silent, keeps late packets from the server, and is forgotten in half a minute',
  (t) => {
    const stage = answered()
    stage.client({ at: end, ack: replyEnd, flags: FIN | ACK })
    t.same(stage.client({ at: end + 1, ack: replyEnd }), swallowed)
    t.same(stage.wait(29_999), { client: [], events: [] })
    t.same(stage.client({ text: request }).server, 'nothing')
    t.equal(stage.interceptor.flows, 1)
    t.same(stage.wait(1), { client: [], events: [] })
    t.equal(stage.interceptor.flows, 0)
    t.same(stage.client({ at: end + 1, ack: replyEnd }), untouched)
    t.end()
  },
)

t.test('a late RST on a closed connection does not reach the server', (t) => {
  for (const [flags, ack] of [
    [RST, 0],
    [RST | ACK, replyEnd],
    [RST | ACK, replyEnd + 100_000],
  ] as const) {
    const stage = answered()
    stage.client({ at: end, ack: replyEnd, flags: FIN | ACK })
    t.same(stage.client({ at: end + 1, flags, ack }), swallowed)
  }
  t.end()
})

/** A stage on which the whole request has been sent in one segment. */
function answered(): Stage {
  const stage = new Stage()
  stage.client({ text: request, flags: PSH | ACK })
  return stage
}
