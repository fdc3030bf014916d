import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { holds } from '../holds.js'
import { firstAnswer, serverAnswer, simulate, type Closing, type Outcome, type Scenario } from './simulation.js'
import type { Faults } from './simulated-link.js'
import { reply, request, token } from './stage.js'

const calm: Faults = { drop: 0, duplicate: 0, split: 0, delay: 20, jitter: 0 }
const probability = (max: number) => fc.double({ min: 0, max, noNaN: true })
const delay = fc.integer({ min: 0, max: 100 })

/** Anything may happen to a packet but that it is split. */
const bad: fc.Arbitrary<Faults> = fc.record({
  drop: probability(0.5),
  duplicate: probability(0.3),
  split: fc.constant(0),
  delay,
  jitter: fc.integer({ min: 0, max: 300 }),
})
const worst: fc.Arbitrary<Faults> = fc.tuple(bad, probability(0.5)).map(([faults, split]) => ({ ...faults, split }))
/** In the direction of the server: nothing is lost or overtaken, but things come twice and in parts. */
const inOrder: fc.Arbitrary<Faults> = fc
  .record({ delay, split: probability(0.3), duplicate: probability(0.3) })
  .map((faults) => ({ ...calm, ...faults }))

const readingClosings: readonly Closing[] = ['when the server does', 'at once, with its request', 'never']
const closings: readonly Closing[] = [
  ...readingClosings,
  'by reset, when it has data',
  'by reset, with its request',
  'by vanishing',
]

const scenarios = (parts: {
  pieces: fc.Arbitrary<readonly string[]>
  toServer: fc.Arbitrary<Faults>
  closing?: readonly Closing[]
}): fc.Arbitrary<Scenario> =>
  fc.record({
    seed: fc.integer(),
    connection: fc.record({
      version: fc.constantFrom(4 as const, 6 as const),
      clientStart: fc.constantFrom(1_000, 2 ** 32 - 20, 2 ** 31 - 20),
      serverStart: fc.constantFrom(5_000, 2 ** 32 - 60, 2 ** 31 - 60),
    }),
    hasTimestamps: fc.boolean(),
    pieces: parts.pieces,
    isSecondRequest: fc.boolean(),
    closing: fc.constantFrom(...(parts.closing ?? readingClosings)),
    toServer: parts.toServer,
    toClient: bad,
  })

/** A text in one to eight pieces. */
const split = (text: string): fc.Arbitrary<readonly string[]> =>
  fc.uniqueArray(fc.integer({ min: 1, max: text.length - 1 }), { maxLength: 7 }).map((cuts) => {
    const places = [0, ...cuts.sort((a, b) => a - b), text.length]
    return places.slice(1).map((to, at) => text.slice(places[at], to))
  })
const whole = fc.constant([request])

t.test('a request in one segment is always answered by us, whatever the link does', (t) => {
  const property = fc.property(scenarios({ pieces: whole, toServer: bad }), (scenario) => {
    const outcome = simulate(scenario)
    assert(isOurs(outcome, scenario), show(outcome))
  })
  holds(t, 'the client gets exactly the reply, the server a RST', property, { numRuns: 2000 })
  t.end()
})

t.test('a split request that arrives in order is always answered by us', (t) => {
  const property = fc.property(scenarios({ pieces: split(request), toServer: inOrder }), (scenario) => {
    const outcome = simulate(scenario)
    assert(isOurs(outcome, scenario), show(outcome))
  })
  holds(t, 'the client gets exactly the reply, the server a RST', property, { numRuns: 2000 })
  t.end()
})

t.test(
  'a split request whose parts are lost or overtake each other is answered by us or by the server, never by both',
  (t) => {
    const toServer = bad.map((faults) => ({ ...faults, duplicate: 0 }))
    const property = fc.property(scenarios({ pieces: split(request), toServer }), (scenario) => {
      const outcome = simulate(scenario)
      assert(isOursAlone(outcome, scenario) || isTheServers(outcome, scenario), show(outcome))
    })
    holds(t, 'exactly the reply, or the request byte for byte', property, { numRuns: 2000 })
    t.end()
  },
)

t.test('only where a part overtook the first one and came again later do both answer', (t) => {
  const property = fc.property(scenarios({ pieces: split(request), toServer: worst }), (scenario) => {
    const outcome = simulate(scenario)
    const isKnownLimit = outcome.isTakenOver && !outcome.hasResetHit && outcome.remembered === 0
    assert(isOursAlone(outcome, scenario) || isTheServers(outcome, scenario) || isKnownLimit, show(outcome))
  })
  holds(t, 'exactly the reply, or the request byte for byte, or the RST came too late', property, { numRuns: 2000 })
  t.end()
})

t.test('a split request is answered in the first second when nothing is lost', (t) => {
  const property = fc.property(
    scenarios({ pieces: split(request), toServer: inOrder, closing: ['when the server does'] }),
    (scenario) => {
      const outcome = simulate({ ...scenario, toClient: { ...calm, delay: scenario.toServer.delay } })
      assert(outcome.answeredAt < 1_000, show(outcome))
    },
  )
  holds(t, 'no retransmission is waited for', property, { numRuns: 300 })
  t.end()
})

t.test('whatever a client does, its connection is forgotten in the end', (t) => {
  const property = fc.property(
    scenarios({ pieces: split(request), toServer: worst, closing: closings }),
    (scenario) => {
      const outcome = simulate(scenario)
      assert(outcome.remembered === 0, show(outcome))
    },
  )
  holds(t, 'nothing is remembered', property, { numRuns: 1000 })
  t.end()
})

t.test('of an ordinary request every packet is accepted unchanged', (t) => {
  const ordinary = fc.constantFrom(
    'GET /index.html HTTP/1.1\r\nHost: example.com\r\n\r\n',
    request.replace(token, 'another-token'),
    request.replace('GET', 'POST'),
    request.replace('HTTP/1.1', 'HTTP/1.2'),
    `GET /.well-known/acme-challenge/${'x'.repeat(200)} HTTP/1.1\r\n\r\n`,
  )
  const property = fc.property(
    scenarios({ pieces: ordinary.chain(split), toServer: worst, closing: closings }),
    (scenario) => {
      const outcome = simulate(scenario)
      assert(outcome.touched === 0 && outcome.remembered === 0, show(outcome))
    },
  )
  holds(t, 'nothing is touched', property, { numRuns: 1000 })
  t.end()
})

/** The client has our reply; the server was reset before it had a request line, and stayed silent. */
function isOurs(outcome: Outcome, scenario: Scenario): boolean {
  const lines = outcome.server.received.split('\n').length - 1
  const isServerSpared = lines === (scenario.isSecondRequest ? 3 : 0) && outcome.hasResetHit && outcome.leaked === 0
  return isServerSpared && isOursAlone(outcome, scenario)
}

/** The client has our reply and nothing else; the server never had a whole request to answer. */
function isOursAlone({ client, server, remembered }: Outcome, { isSecondRequest, closing }: Scenario): boolean {
  const before = isSecondRequest ? firstAnswer : ''
  const heads = server.received.split('\r\n\r\n').length - 1
  const isAnswered =
    client.received === before + reply && client.hasOtherFinished && heads === (isSecondRequest ? 1 : 0)
  // A client that never closes is told at the age limit.
  return isAnswered && client.end === (closing === 'never' ? 'reset' : undefined) && remembered === 0
}

/** The server has the whole request, and the client has the server's answer and nothing else. */
function isTheServers({ client, server, remembered }: Outcome, { isSecondRequest, pieces }: Scenario): boolean {
  const before = isSecondRequest ? firstAnswer : ''
  const isAnswered = client.received === before + serverAnswer && client.hasOtherFinished && client.end === undefined
  return isAnswered && server.received.endsWith(pieces.join('')) && remembered === 0
}

function show({ client, server, ...rest }: Outcome): string {
  const of = ({ received, end, hasOtherFinished }: Outcome['client']) => ({ received, end, hasOtherFinished })
  return JSON.stringify({ ...rest, client: of(client), server: of(server) }, undefined, 2)
}
