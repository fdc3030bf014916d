import t from 'tap'
import { ACK, FIN, RST, SYN } from '../../src/wire/tcp.js'
import { headers, reply, replyEnd, request, requestLine, Stage, swallowed, untouched } from './stage.js'

t.test(
  'a SYN with the ports of a connection taken over is answered: who has that connection stays (RFC 5961, 4.2)',
  (t) => {
    const stage = new Stage()
    stage.client({ text: requestLine })
    const challenge = { at: 0, ack: requestLine.length, flags: 'ACK' }
    for (const flags of [SYN, SYN | ACK])
      t.same(stage.client({ at: 500_000, flags }), { ...swallowed, client: [challenge] })
    t.same(stage.client({ at: requestLine.length, text: headers }).client, [
      { at: 0, ack: request.length, flags: 'FIN PSH ACK', text: reply },
    ])
    t.end()
  },
)

t.test('such answers have an end', (t) => {
  const stage = new Stage()
  stage.client({ text: request })
  const scenes = Array.from({ length: 100 }, () => stage.client({ at: 500_000, flags: SYN }))
  t.ok(scenes.every(({ server }) => server === 'nothing'))
  t.equal(scenes.filter(({ client }) => client.length > 0).length, 16)
  t.end()
})

t.test('a client that has really begun anew says so by a RST, and its next SYN passes, and what follows', (t) => {
  const stage = new Stage()
  stage.client({ text: request })
  const [challenge] = stage.client({ at: 500_000, flags: SYN }).client
  t.same(stage.client({ at: challenge?.ack ?? 0, flags: RST }), { ...swallowed, events: ['abandoned'] })
  t.equal(stage.interceptor.flows, 0)
  t.same(stage.client({ at: 500_000, flags: SYN }), untouched)
  t.same(stage.client({ at: 500_001, text: 'GET / HTTP/1.1\r\n\r\n' }), untouched)
  t.same(stage.client({ at: 600_000, flags: SYN }), untouched)
  t.same(stage.client({ at: 600_001, text: request }).server, { at: 600_001, flags: 'RST' })
  t.end()
})

t.test('a SYN after a close is a new connection: it passes', (t) => {
  const stage = new Stage()
  stage.client({ text: request })
  stage.client({ at: request.length, ack: replyEnd, flags: FIN | ACK })
  t.same(stage.client({ at: 500_000, flags: SYN }), untouched)
  t.same(stage.client({ at: 500_001, ack: 700_000, text: 'GET / HTTP/1.1\r\n\r\n' }), untouched)
  t.same(stage.client({ at: 500_020, flags: RST }), untouched, 'its RST too')
  t.same(stage.client({ at: request.length + 1, ack: replyEnd }), swallowed, 'and what is late stays ours')
  t.end()
})

t.test('a SYN does not make half a request line forgotten', (t) => {
  const stage = new Stage()
  stage.client({ text: request.slice(0, 20) })
  t.same(stage.client({ at: 500_000, flags: SYN }), untouched)
  t.match(stage.client({ at: 20, text: request.slice(20) }), {
    server: { at: 20, flags: 'RST' },
    client: [{ text: reply }],
  })
  t.end()
})

t.test('nor does any segment with other numbers, however many there are', (t) => {
  for (const spoken of [
    { flags: RST },
    { flags: RST | ACK },
    { flags: FIN },
    { flags: 0 },
    { flags: ACK },
    { text: 'G' },
    { text: request.slice(0, 40) },
    { text: 'something else' },
  ]) {
    const stage = new Stage()
    stage.client({ text: request.slice(0, 20) })
    for (let at = 1; at < 100; at++) {
      const place = at * 2 ** 25 + 5_000
      const packet = stage.connection.packet({ ...spoken, at: place, ack: place })
      t.equal(stage.interceptor.decide(packet, 0).verdict, 'accept', 'passes, and is not let go either')
    }
    t.match(stage.client({ at: 20, text: request.slice(20) }), {
      server: { at: 20, flags: 'RST' },
      client: [{ text: reply }],
    })
    t.ok(stage.interceptor.flows <= 4)
  }
  t.end()
})

t.test('segments with other numbers do not end a connection taken over, and are no business of it', (t) => {
  for (const [spoken, server] of [
    [{ flags: ACK }, 'the same'],
    [{ flags: RST }, 'the same'],
    [{ flags: FIN | ACK }, 'the same'],
    [{ text: 'G' }, 'the same'],
    [{ text: 'something else' }, 'the same'],
  ] as const) {
    const stage = new Stage()
    stage.client({ text: requestLine })
    for (let at = 1; at < 100; at++) {
      const place = at * 2 ** 25 + 5_000
      t.match(stage.client({ ...spoken, at: place, ack: place }), { server, client: [], events: [] })
    }
    t.same(stage.client({ at: requestLine.length, text: headers }).client, [
      { at: 0, ack: request.length, flags: 'FIN PSH ACK', text: reply },
    ])
  }
  t.end()
})

t.test('whoever knows a token and the ports, but no sequence number, does not end a connection by asking', (t) => {
  const stage = new Stage()
  stage.client({ text: requestLine })
  for (let at = 1; at < 100; at++) {
    const place = at * 2 ** 25 + 5_000
    t.match(stage.client({ at: place, ack: place, text: request }), { events: ['takenOver', 'answered'] })
  }
  t.same(stage.client({ at: requestLine.length, text: headers }).client, [
    { at: 0, ack: request.length, flags: 'FIN PSH ACK', text: reply },
  ])
  t.end()
})

t.test('the SYN that opened a connection, come again late, is not a new one: the server does not see it', (t) => {
  const stage = new Stage()
  t.same(stage.client({ at: -1, flags: SYN }), untouched)
  stage.client({ text: request.slice(0, 20) })
  stage.client({ at: 20, text: request.slice(20) })
  t.same(stage.client({ at: -1, flags: SYN }), swallowed)
  t.same(stage.client({ at: request.length, ack: replyEnd }), { ...swallowed, events: ['acknowledged'] })
  t.end()
})

t.test(
  'the SYN that opened a connection, come again in the middle of the request line, does not make it forgotten',
  (t) => {
    const stage = new Stage()
    stage.client({ text: request.slice(0, 20) })
    t.same(
      stage.client({ at: -1, flags: SYN }),
      untouched,
      "the server's kernel knows what to do with it (RFC 9293, 3.10.7.4)",
    )
    t.match(stage.client({ at: 20, text: request.slice(20) }), {
      server: { at: 20, flags: 'RST' },
      client: [{ text: reply }],
    })
    t.end()
  },
)

// With a connection mark, the kernel does not queue the SYN of a new connection: it has no mark yet.
t.test(
  'a client port used again at once after a close: the new request is answered, though its SYN was not seen',
  (t) => {
    // Where the two new initial sequence numbers lie, from the old ones: also where an old segment could be, one of
    // them at a time.
    for (const [again, ack] of [
      [500_000, 700_000],
      [-500_000, -700_000],
      [500_000, 20],
      [20, 700_000],
      [-500_000, 20],
      [20, -700_000],
    ] as const) {
      const stage = new Stage()
      stage.client({ text: request })
      stage.client({ at: request.length, ack: replyEnd, flags: FIN | ACK })
      t.same(stage.client({ at: again, ack, text: request }), {
        server: { at: again, flags: 'RST' },
        client: [{ at: ack, ack: again + request.length, flags: 'FIN PSH ACK', text: reply }],
        events: ['takenOver', 'answered'],
      })
    }
    t.end()
  },
)

t.test('a client port used again at once after a close by a split request is answered, too', (t) => {
  const stage = new Stage()
  stage.client({ text: request })
  stage.client({ at: request.length, ack: replyEnd, flags: FIN | ACK })
  t.same(stage.client({ at: 500_000, ack: 700_000, text: 'G' }), untouched)
  t.match(stage.client({ at: 500_001, ack: 700_000, text: request.slice(1) }), {
    server: { at: 500_001, flags: 'RST' },
    client: [{ text: reply }],
  })
  t.end()
})

t.test(
  'a client port used again after half a request line: the new request is answered, though its SYN was not seen',
  (t) => {
    for (const again of [500_000, -500_000]) {
      const stage = new Stage()
      stage.client({ text: request.slice(0, 30) })
      stage.client({ at: 30, flags: FIN | ACK })
      t.match(stage.client({ at: again, ack: 700_000, text: request }), {
        server: { at: again, flags: 'RST' },
        client: [{ text: reply }],
      })
    }
    t.end()
  },
)

// Long segments of a connection that is followed are not queued: the next one seen may be far on.
t.test('what only looked like the start of a request does not hide one far behind it', (t) => {
  const stage = new Stage()
  t.same(stage.client({ text: 'G' }), untouched)
  t.match(stage.client({ at: 100_000, text: request }), {
    server: { at: 100_000, flags: 'RST' },
    client: [{ text: reply }],
  })
  t.end()
})

t.test('a segment far behind the start of a request does not make it forgotten', (t) => {
  const stage = new Stage()
  stage.client({ text: request.slice(0, 30) })
  t.same(stage.client({ at: 1_000, text: 'Cookie: late part of a long head' }), untouched)
  t.match(stage.client({ at: 30, text: request.slice(30) }), { server: { at: 30, flags: 'RST' } })
  t.end()
})
