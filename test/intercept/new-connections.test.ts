import t from 'tap'
import { ACK, FIN, SYN } from '../../src/wire/tcp.js'
import { reply, replyEnd, request, Stage, swallowed, untouched } from './stage.js'

t.test('a SYN on a known connection is a new one: it passes, and so does what follows', (t) => {
  const stage = new Stage()
  stage.client({ text: request })
  t.same(stage.client({ at: 500_000, flags: SYN }), untouched)
  t.equal(stage.interceptor.flows, 0)
  t.same(stage.client({ at: 500_001, text: 'GET / HTTP/1.1\r\n\r\n' }), untouched)
  t.same(stage.client({ at: 600_000, flags: SYN }), untouched)
  t.same(stage.client({ at: 600_001, text: request }).server, { at: 600_001, flags: 'RST' })
  t.end()
})

t.test('a SYN makes half a request line forgotten', (t) => {
  const stage = new Stage()
  stage.client({ text: request.slice(0, 20) })
  t.equal(stage.interceptor.flows, 1)
  t.same(stage.client({ at: 500_000, flags: SYN }), untouched)
  t.equal(stage.interceptor.flows, 0)
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
        events: ['taken over', 'answered'],
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
