import fc from 'fast-check'
import t from 'tap'
import { FIN, ACK } from '../../src/wire/tcp.js'
import { holds } from '../holds.js'
import { Connection } from './segments.js'
import { keyAuthorization, reply, request, requestLine, Stage, token, untouched } from './stage.js'

t.test('split at any byte, the server gets what comes before the line is complete and nothing after', (t) => {
  for (let at = 1; at < request.length; at++) {
    const stage = new Stage()
    const first = stage.client({ text: request.slice(0, at) })
    const second = stage.client({ at, text: request.slice(at) })
    const isTakenFirst = at >= requestLine.length
    const expected = isTakenFirst ? [{ at: 0, flags: 'RST' }, 'nothing'] : ['the same', { at, flags: 'RST' }]
    t.same([first.server, second.server], expected, `split at ${at}`)
    t.same(first.client, isTakenFirst ? [{ at: 0, ack: at, flags: 'ACK' }] : [])
    t.same(second.client, [{ at: 0, ack: request.length, flags: 'FIN PSH ACK', text: reply }])
  }
  t.end()
})

t.test('one byte at a time: the RST comes in the place of the byte that completes the line', (t) => {
  const stage = new Stage()
  const scenes = Array.from(request, (text, at) => stage.client({ at, text }))
  const last = requestLine.length - 1
  t.same(
    scenes.slice(0, last),
    Array.from({ length: last }, () => untouched),
  )
  t.same(scenes[last], {
    server: { at: last, flags: 'RST' },
    client: [{ at: 0, ack: last + 1, flags: 'ACK' }],
    events: ['takenOver'],
  })
  t.same(scenes.at(-1), {
    server: 'nothing',
    client: [{ at: 0, ack: request.length, flags: 'FIN PSH ACK', text: reply }],
    events: ['answered'],
  })
  t.end()
})

t.test('a part that comes again changes nothing', (t) => {
  const stage = new Stage()
  for (const _ of [1, 2, 3]) t.same(stage.client({ text: request.slice(0, 30) }), untouched)
  t.same(stage.client({ at: 30, text: request.slice(30) }).server, { at: 30, flags: 'RST' })
  t.end()
})

t.test('a repetition may overlap what was sent: the RST is at the first byte the server lacks', (t) => {
  const stage = new Stage()
  stage.client({ text: request.slice(0, 30) })
  t.same(stage.client({ text: request }), {
    server: { at: 30, flags: 'RST' },
    client: [{ at: 0, ack: request.length, flags: 'FIN PSH ACK', text: reply }],
    events: ['takenOver', 'answered'],
  })
  t.end()
})

t.test('a repetition may begin in the middle of what was sent', (t) => {
  const stage = new Stage()
  stage.client({ text: request.slice(0, 30) })
  t.same(stage.client({ at: 15, text: request.slice(15) }).server, { at: 30, flags: 'RST' })
  t.end()
})

t.test('with a gap between the parts, the one that fills it is where the server is reset', (t) => {
  const stage = new Stage()
  t.same(stage.client({ text: request.slice(0, 10) }), untouched)
  t.same(stage.client({ at: 40, text: request.slice(40) }), untouched)
  t.same(
    stage.client({ at: 10, text: request.slice(10, 40) }),
    {
      server: { at: 10, flags: 'RST' },
      client: [{ at: 0, ack: 40, flags: 'ACK' }],
      events: ['takenOver'],
    },
    'only what the server does not have is acknowledged',
  )
  t.same(stage.client({ at: 40, text: request.slice(40) }).client, [
    { at: 0, ack: request.length, flags: 'FIN PSH ACK', text: reply },
  ])
  t.end()
})

t.test('a repetition with other bytes does not change the ones the server has', (t) => {
  const stage = new Stage()
  stage.client({ text: request.slice(0, 40) })
  t.match(stage.client({ text: request.replace('acme', 'ACME') }), { server: { at: 40 }, client: [{ text: reply }] })
  t.end()
})

t.test('a segment from before the request changes nothing', (t) => {
  const stage = new Stage()
  stage.client({ text: request.slice(0, 30) })
  t.same(stage.client({ at: -50, text: 'GET /old HTTP/1.1\r\n\r\n' }), untouched)
  t.same(stage.client({ at: 30, text: request.slice(30) }).server, { at: 30, flags: 'RST' })
  t.end()
})

t.test('the last part may bring the FIN', (t) => {
  const stage = new Stage()
  stage.client({ text: request.slice(0, 30) })
  t.same(stage.client({ at: 30, text: request.slice(30), flags: ACK | FIN }), {
    server: { at: 30, flags: 'RST' },
    client: [{ at: 0, ack: request.length + 1, flags: 'FIN PSH ACK', text: reply }],
    events: ['takenOver', 'answered'],
  })
  t.end()
})

t.test('sequence numbers may start again at 0 anywhere in the request and in the reply', (t) => {
  for (let before = 0; before <= request.length; before += 7) {
    const stage = new Stage(
      new Connection({ clientStart: (2 ** 32 - before) % 2 ** 32, serverStart: 2 ** 32 - 1 - before }),
    )
    t.same(stage.client({ text: request.slice(0, 30) }), untouched)
    t.same(stage.client({ at: 30, text: request.slice(30, 90) }).server, { at: 30, flags: 'RST' })
    t.same(stage.client({ at: 90, text: request.slice(90) }).client, [
      { at: 0, ack: request.length, flags: 'FIN PSH ACK', text: reply },
    ])
    t.same(stage.client({ at: request.length, ack: reply.length + 1 }).events, ['acknowledged'])
    t.same(stage.client({ at: request.length, ack: reply.length + 1, flags: FIN | ACK }).client, [
      { at: reply.length + 1, ack: request.length + 1, flags: 'ACK' },
    ])
  }
  t.end()
})

t.test('properties', (t) => {
  const cuts = fc.uniqueArray(fc.integer({ min: 1, max: request.length - 1 }), { maxLength: 20 })
  holds(
    t,
    'in any split, the server gets exactly the parts before the one that completes the line',
    fc.property(cuts, (cuts) => {
      const places = [0, ...cuts.sort((a, b) => a - b), request.length]
      const stage = new Stage()
      const scenes = places.slice(0, -1).map((at, index) => ({
        at,
        end: places[index + 1] ?? 0,
        scene: stage.client({ at, text: request.slice(at, places[index + 1]) }),
      }))
      const isRight = scenes.map(({ at, end, scene: { server } }) => {
        if (end < requestLine.length) return server === 'the same'
        if (at >= requestLine.length) return server === 'nothing'
        return typeof server === 'object' && server.at === at && server.flags === 'RST'
      })
      return !isRight.includes(false) && scenes.at(-1)?.scene.client[0]?.text === reply
    }),
  )
  t.end()
})

t.test('limited to a name, the server gets what comes before the end of the head, and nothing after', (t) => {
  const stateless = { thumbprint: keyAuthorization.slice(token.length + 1), names: ['example.com'] }
  const isReplied = { at: 0, ack: request.length, flags: 'FIN PSH ACK', text: reply }
  for (let at = 1; at < request.length; at++) {
    const stage = new Stage(new Connection(), {}, stateless)
    stage.challenges.clear()
    t.same(stage.client({ text: request.slice(0, at) }), untouched, `split at ${at}`)
    const second = stage.client({ at, text: request.slice(at) })
    t.same([second.server, second.client], [{ at, flags: 'RST' }, [isReplied]])
    const other = new Stage(new Connection(), {}, { ...stateless, names: ['example.org'] })
    other.challenges.clear()
    t.same(other.client({ text: request.slice(0, at) }), untouched)
    const { server, client } = other.client({ at, text: request.slice(at) })
    t.same([server, client, other.interceptor.flows], ['the same', [], 0], 'another name')
  }
  t.end()
})
