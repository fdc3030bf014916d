import t from 'tap'
import { ACK, FIN } from '../../src/wire/tcp.js'
import { Connection } from './segments.js'
import { headers, reply, replyEnd, request, requestLine, Stage } from './stage.js'

const end = request.length
const fullReply = { at: 0, ack: end, flags: 'FIN PSH ACK', text: reply }

t.test(
  'a reply nobody acknowledges comes again after 1, 2, 4, 8 and 16 seconds; at a minute of age a RST ends it',
  (t) => {
    const stage = new Stage()
    stage.client({ text: request })
    const sent: [number, string][] = []
    const events: string[] = []
    while (stage.interceptor.flows > 0) {
      const scene = stage.wait(100)
      for (const { flags } of scene.client) sent.push([stage.now, flags])
      events.push(...scene.events)
    }
    t.same(sent, [
      [1_000, 'FIN PSH ACK'],
      [3_000, 'FIN PSH ACK'],
      [7_000, 'FIN PSH ACK'],
      [15_000, 'FIN PSH ACK'],
      [31_000, 'FIN PSH ACK'],
      [60_000, 'RST ACK'],
    ])
    t.same(events, ['abandoned'])
    t.end()
  },
)

t.test('each time it is the same reply, in the same place', (t) => {
  const stage = new Stage()
  stage.client({ text: request })
  for (const wait of [1_000, 2_000, 4_000, 8_000, 16_000]) {
    t.same(stage.wait(wait - 1).client, [])
    t.same(stage.wait(1).client, [fullReply])
  }
  t.end()
})

t.test('it comes again five times and not more, however old the connection may get', (t) => {
  const stage = new Stage(new Connection(), { takenFor: 600_000 })
  stage.client({ text: request })
  let sent = 0
  while (stage.now < 599_000) sent += stage.wait(1_000).client.length
  t.equal(sent, 5)
  t.end()
})

t.test('it stops once it is acknowledged', (t) => {
  const stage = new Stage()
  stage.client({ text: request })
  t.same(stage.wait(1_000).client, [fullReply])
  stage.client({ at: end, ack: replyEnd })
  t.same(stage.wait(20_000), { client: [], events: [] })
  t.end()
})

t.test('a repetition acknowledges what has come since', (t) => {
  const stage = new Stage()
  stage.client({ text: request })
  stage.client({ at: end, text: 'more' })
  t.same(stage.wait(1_000).client, [{ ...fullReply, ack: end + 4 }])
  t.end()
})

t.test('our FIN without a reply comes again too', (t) => {
  const stage = new Stage()
  stage.client({ text: requestLine, flags: ACK | FIN })
  t.same(stage.wait(1_000).client, [{ at: 0, ack: requestLine.length + 1, flags: 'FIN ACK' }])
  t.end()
})

t.test('nothing is repeated while the head is not complete, and at a minute of age a RST ends it', (t) => {
  const stage = new Stage()
  stage.client({ text: requestLine })
  t.same(stage.wait(59_999), { client: [], events: [] })
  t.same(stage.wait(1), { client: [{ at: 0, ack: requestLine.length, flags: 'RST ACK' }], events: ['abandoned'] })
  t.equal(stage.interceptor.flows, 0)
  t.end()
})

t.test('a client that never closes is told at a minute of age, and that is no loss', (t) => {
  const stage = new Stage()
  stage.client({ text: request })
  stage.client({ at: end, ack: replyEnd })
  t.same(stage.wait(60_000), { client: [{ at: replyEnd, ack: end, flags: 'RST ACK' }], events: [] })
  t.equal(stage.interceptor.flows, 0)
  t.end()
})

t.test('packets do not make a connection younger', (t) => {
  const stage = new Stage()
  stage.client({ text: requestLine })
  stage.wait(59_000)
  stage.client({ at: requestLine.length, text: headers.slice(0, 5) })
  t.match(stage.wait(1_000).client, [{ flags: 'RST ACK' }])
  t.end()
})
