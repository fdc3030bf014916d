import t from 'tap'
import { ACK, FIN, PSH, RST } from '../../src/wire/tcp.js'
import { Connection } from './segments.js'
import { headers, replyEnd, request, requestLine, Stage } from './stage.js'

const end = request.length

t.test('without timestamps in the request there are none in the reply', (t) => {
  const stage = new Stage()
  t.notOk(stage.client({ text: request }).client[0]?.timestamps)
  t.notOk(
    stage.client({ text: request, timestamps: { value: 7, echo: 8 } }).client[0]?.timestamps,
    'nor later: they are agreed on in the handshake',
  )
  t.end()
})

t.test(
  'every segment of ours has them: TSval is what the client echoed last, TSecr what it sent (RFC 7323, 3.2)',
  (t) => {
    const stage = new Stage()
    t.match(stage.client({ text: requestLine, timestamps: { value: 100, echo: 900 } }).client, [
      { flags: 'ACK', timestamps: { value: 900, echo: 100 } },
    ])
    t.match(stage.client({ at: requestLine.length, text: headers, timestamps: { value: 150, echo: 905 } }).client, [
      { flags: 'FIN PSH ACK', timestamps: { value: 905, echo: 150 } },
    ])
    t.match(stage.wait(1_000).client, [{ flags: 'FIN PSH ACK', timestamps: { value: 905, echo: 150 } }])
    t.match(stage.client({ at: end, ack: replyEnd, flags: FIN | ACK, timestamps: { value: 250, echo: 905 } }).client, [
      { flags: 'ACK', timestamps: { value: 905, echo: 250 } },
    ])
    t.end()
  },
)

t.test('the RST that goes to the server has none', (t) => {
  t.same(new Stage().client({ text: request, timestamps: { value: 100, echo: 900 } }).server, { at: 0, flags: 'RST' })
  t.end()
})

t.test('a repetition brings the newest of both', (t) => {
  const stage = new Stage()
  stage.client({ text: request, timestamps: { value: 100, echo: 900 } })
  t.match(stage.client({ text: request, timestamps: { value: 300, echo: 950 } }).client, [
    { flags: 'FIN PSH ACK', timestamps: { value: 950, echo: 300 } },
  ])
  t.end()
})

t.test('neither goes backwards', (t) => {
  const stage = new Stage()
  stage.client({ text: request, timestamps: { value: 300, echo: 950 } })
  t.match(stage.client({ text: request, timestamps: { value: 100, echo: 900 } }).client, [
    { timestamps: { value: 950, echo: 300 } },
  ])
  t.end()
})

t.test(
  'a segment behind a gap is not echoed, so that the client measures the one that is missing (RFC 7323, 4.3)',
  (t) => {
    const stage = new Stage()
    stage.client({ text: requestLine, timestamps: { value: 100, echo: 900 } })
    t.match(
      stage.client({ at: requestLine.length + 5, text: headers.slice(5), timestamps: { value: 150, echo: 900 } })
        .client,
      [{ flags: 'ACK', timestamps: { echo: 100 } }],
    )
    t.match(stage.client({ at: requestLine.length, text: headers, timestamps: { value: 140, echo: 900 } }).client, [
      { flags: 'FIN PSH ACK', timestamps: { echo: 140 } },
    ])
    t.end()
  },
)

t.test('both clocks may start again at 0', (t) => {
  const stage = new Stage()
  stage.client({ text: requestLine, timestamps: { value: 2 ** 32 - 10, echo: 2 ** 32 - 1 } })
  t.match(stage.client({ at: requestLine.length, text: headers, timestamps: { value: 5, echo: 3 } }).client, [
    { timestamps: { value: 3, echo: 5 } },
  ])
  t.end()
})

t.test('the RST at the end of age is sent all the same', (t) => {
  const stage = new Stage()
  stage.client({ text: request, timestamps: { value: 100, echo: 900 } })
  t.match(stage.wait(60_000).client, [{ flags: 'RST ACK' }])
  t.end()
})

t.test('a RST of the client counts without them (RFC 7323, 3.2)', (t) => {
  const stage = new Stage()
  stage.client({ text: request, timestamps: { value: 100, echo: 900 } })
  t.same(stage.client({ at: end, flags: RST }).events, ['abandoned'])
  t.end()
})

t.test(
  'a client that found the reply too old (RFC 7323, 5.3) and says so gets it at once with a newer timestamp',
  (t) => {
    // The server acknowledged the first part at 930, which the client knows and we do not: it drops our reply of 900.
    const stage = new Stage()
    stage.client({ text: request.slice(0, 30), timestamps: { value: 100, echo: 900 } })
    t.match(stage.client({ at: 30, text: request.slice(30), timestamps: { value: 100, echo: 900 } }).client, [
      { flags: 'FIN PSH ACK', timestamps: { value: 900 } },
    ])
    t.match(stage.client({ at: end, timestamps: { value: 160, echo: 930 } }).client, [
      { flags: 'FIN PSH ACK', timestamps: { value: 930, echo: 160 } },
    ])
    t.same(
      stage.client({ at: end, timestamps: { value: 161, echo: 930 } }).client,
      [],
      'but not again for the same reason',
    )
    t.end()
  },
)

t.test('over IPv6 it is the same', (t) => {
  const stage = new Stage(new Connection({ version: 6 }))
  const { client } = stage.client({ text: request, flags: PSH | ACK, timestamps: { value: 100, echo: 900 } })
  t.match(client, [{ flags: 'FIN PSH ACK', timestamps: { value: 900, echo: 100 } }])
  t.end()
})
