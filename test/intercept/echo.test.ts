import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { Interceptor } from '../../src/intercept/interceptor.js'
import { DEFAULT_LIMITS } from '../../src/intercept/limits.js'
import { parsePacket } from '../../src/wire/packet.js'
import { ACK, FIN } from '../../src/wire/tcp.js'
import { fromText } from '../fixtures/hex.js'
import { known } from '../fixtures/known.js'
import { holds } from '../holds.js'
import { echoService, ECHO_START } from './echo.js'
import { ModelPeer } from './model-peer.js'
import { Connection } from './segments.js'
import { SimulatedLink, type Faults } from './simulated-link.js'

const STEP = 10
const END = 120_000

interface EchoScenario {
  readonly seed: number
  readonly version: 4 | 6
  readonly hasTimestamps: boolean
  readonly serverStart: number
  readonly pieces: readonly string[]
  /** The client's, which it is strict about. */
  readonly window: number
  /** Milliseconds that the service takes for each answer. */
  readonly thinking: number
  readonly faults: Faults
}

const probability = (max: number) => fc.double({ min: 0, max, noNaN: true })
const faults: fc.Arbitrary<Faults> = fc.record({
  drop: probability(0.4),
  duplicate: probability(0.3),
  split: probability(0.3),
  delay: fc.integer({ min: 0, max: 100 }),
  jitter: fc.integer({ min: 0, max: 300 }),
})
/** Up to 10 KB in segments of up to 500 bytes, no two alike. */
const pieces = fc
  .array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 22 })
  .map((lengths) => lengths.map((length, at) => `${at}:`.padEnd(length, String.fromCharCode(0x61 + (at % 26)))))
const scenarios: fc.Arbitrary<EchoScenario> = fc.record({
  seed: fc.integer(),
  version: fc.constantFrom(4 as const, 6 as const),
  hasTimestamps: fc.boolean(),
  serverStart: fc.constantFrom(5_000, 2 ** 32 - 4_000, 2 ** 31 - 4_000),
  pieces,
  window: fc.constantFrom(600, 1_500, 60_000),
  thinking: fc.constantFrom(0, 0, 35, 400),
  faults,
})

t.test('another service than http-01 gets and sends 10 KB over the same peer, whatever the link does', (t) => {
  const property = fc.property(scenarios, (scenario) => {
    const { client, longest, remembered } = simulateEcho(scenario)
    const { received, hasOtherFinished, end } = client
    assert.equal(received, scenario.pieces.join(''))
    assert(
      hasOtherFinished && end === undefined && remembered === 0,
      JSON.stringify({ hasOtherFinished, end, remembered }),
    )
    const limit = { 4: 536, 6: 1_220 }[scenario.version] - (scenario.hasTimestamps ? 12 : 0)
    assert(longest <= limit, `a segment of ${longest} bytes`)
  })
  holds(t, 'each byte comes back once, in order, in segments that every path takes', property, { numRuns: 400 })
  t.end()
})

function simulateEcho({ seed, version, hasTimestamps, serverStart, pieces, window, thinking, faults }: EchoScenario) {
  const link = new SimulatedLink(seed)
  const connection = new Connection({ version, serverStart })
  const clocks = hasTimestamps ? { own: 70_000, other: 90_000 } : undefined
  const thoughts: { at: number; answer: () => void }[] = []
  let hasOutput = false
  const service = echoService(
    thinking === 0 ? undefined : (answer) => thoughts.push({ at: link.now + thinking, answer }),
  )
  const interceptor = new Interceptor([service], DEFAULT_LIMITS, () => (hasOutput = true))
  let longest = 0

  const toTheClient = (bytes: Uint8Array) => {
    longest = Math.max(longest, known(parsePacket(bytes)).segment.payload.length)
    link.send(bytes, { ...faults, split: 0 }, (part) => client.receive(part, link.now))
  }
  const client = new ModelPeer({
    envelope: connection.toServer,
    port: connection.clientPort,
    otherPort: connection.serverPort,
    sendStart: connection.clientStart,
    receiveStart: serverStart,
    clocks,
    window,
    // The first segment is not split: a start that comes out of order is the server's.
    send: (bytes) =>
      link.send(bytes, { ...faults, split: interceptor.flows > 0 ? faults.split : 0 }, (part) =>
        interceptor.decide(part, link.now).replies.forEach(toTheClient),
      ),
  })
  client.write([fromText(ECHO_START)])
  client.onReceive = () => undefined
  while (interceptor.flows === 0 && link.now < END) step()
  client.write(pieces.map(fromText), true)
  while (link.now < END && (!link.isEmpty || interceptor.flows > 0 || !client.hasAllAcknowledged)) step()
  return { client, longest, remembered: interceptor.flows }

  function step(): void {
    link.advance(link.now + STEP)
    while (thoughts[0] && thoughts[0].at <= link.now) thoughts.shift()?.answer()
    client.tick(link.now)
    // As the packet path does: when something is due, or when the service has something to say.
    if (!hasOutput && link.now % 100 !== 0) return
    hasOutput = false
    interceptor.poll(link.now).replies.forEach(toTheClient)
  }
}

t.test('a start in two pieces reaches the service whole, wherever it was cut', (t) => {
  for (let cut = 1; cut < ECHO_START.length; cut++) {
    const connection = new Connection()
    const interceptor = new Interceptor([echoService()])
    interceptor.decide(connection.packet({ text: ECHO_START.slice(0, cut) }), 0)
    interceptor.decide(connection.packet({ at: cut, text: ECHO_START.slice(cut) }), 1)
    const { replies } = interceptor.decide(connection.packet({ at: ECHO_START.length, text: 'hello' }), 2)
    t.match(
      replies.map((bytes) => connection.atClient(bytes)),
      [{ text: 'hello' }],
      `after ${cut}`,
    )
  }
  t.end()
})

t.test('a service gets bytes and an end, and never a piece without bytes', (t) => {
  const given: (number | string)[] = []
  const conversation = { receive: (bytes: Uint8Array) => given.push(bytes.length), end: () => given.push('end') }
  const open = () => ({ ...conversation, answer: undefined })
  const connection = new Connection()
  const interceptor = new Interceptor([{ longestStart: 1, recognise: () => ({ key: 'any', open }) }])
  interceptor.decide(connection.packet({ text: 'hello' }), 0)
  interceptor.decide(connection.packet({ at: 5 }), 1)
  interceptor.decide(connection.packet({ at: 5, flags: FIN | ACK }), 2)
  t.strictSame(given, [5, 'end'])
  t.end()
})

t.test('what a service sends by itself goes out when it is asked for, and that it has something is told', (t) => {
  const thoughts: (() => void)[] = []
  let outputs = 0
  const connection = new Connection()
  const interceptor = new Interceptor([echoService((answer) => thoughts.push(answer))], DEFAULT_LIMITS, () => outputs++)
  interceptor.decide(connection.packet({ text: ECHO_START }), 0)
  interceptor.decide(connection.packet({ at: ECHO_START.length, text: 'hello' }), 0)
  t.same(interceptor.poll(1).replies, [])
  t.equal(outputs, 0)
  thoughts.forEach((answer) => answer())
  t.equal(outputs, 1)
  const { replies, events } = interceptor.poll(2)
  t.same(
    replies.map((bytes) => connection.atClient(bytes)),
    [{ at: 0, ack: ECHO_START.length + 5, flags: 'PSH ACK', text: 'hello' }],
  )
  t.match(events, [{ kind: 'answered', key: 'echo', answer: { bytes: 5 } }])
  t.same(interceptor.poll(3).replies, [], 'once')
  t.end()
})
