import t from 'tap'
import { Interceptor } from '../../src/intercept/interceptor.js'
import { DEFAULT_LIMITS } from '../../src/intercept/limits.js'
import type { Service } from '../../src/intercept/service.js'
import { Connection } from './segments.js'
import { request, Stage, swallowed, untouched } from './stage.js'

const connections = Array.from({ length: 5 }, (_, at) => new Connection({ clientPort: 50_000 + at }))
const [first, second, third, fourth] = connections

t.test('the time-outs are those the documents name', (t) => {
  t.match(DEFAULT_LIMITS, {
    watchedFor: 60_000,
    takenFor: 60_000,
    closedFor: 30_000,
    retransmitAfter: 1_000,
    retransmissions: 5,
  })
  t.end()
})

t.test('of too many half requests the oldest is forgotten, and passes to the server', (t) => {
  const stage = new Stage(first, { watched: 3 })
  for (const connection of connections.slice(0, 3)) stage.client({ text: request.slice(0, 30) }, connection)
  t.equal(stage.interceptor.evicted, 0)
  t.same(stage.client({ text: request.slice(0, 30) }, fourth), untouched)
  t.equal(stage.interceptor.flows, 3)
  t.equal(stage.interceptor.evicted, 1)
  t.same(stage.client({ at: 30, text: request.slice(30) }, first), untouched)
  t.match(stage.client({ at: 30, text: request.slice(30) }, second), { server: { flags: 'RST' } })
  t.end()
})

t.test('half requests take the memory of what has come, and of too much the oldest is forgotten', (t) => {
  const stage = new Stage(first, { watched: 4, taken: 2, watchedBytes: 250 })
  t.equal(stage.interceptor.bytesHeld, 0)
  t.same(stage.interceptor.bounds, { flows: 6, bytesHeld: 250 })
  for (const connection of connections.slice(0, 3)) stage.client({ text: request.slice(0, 30) }, connection)
  t.equal(stage.interceptor.bytesHeld, 180, 'each byte, and whether it has come')
  stage.client({ at: 30, text: request.slice(30) }, first)
  t.equal(stage.interceptor.bytesHeld, 120, 'a connection taken over keeps none')
  stage.client({ text: request.slice(0, 40) }, fourth)
  stage.client({ at: 30, text: request.slice(30, 60) }, third)
  t.equal(stage.interceptor.bytesHeld, 200, 'the second one is forgotten')
  t.equal(stage.interceptor.evicted, 1)
  t.same(stage.client({ at: 30, text: request.slice(30) }, second), untouched)
  t.match(stage.client({ at: 60, text: request.slice(60) }, third), { server: { flags: 'RST' } })
  stage.interceptor.poll(60_000)
  t.equal(stage.interceptor.bytesHeld, 0)
  t.end()
})

t.test('a start is kept as far as the services need it that it may be for', (t) => {
  const service = (first: string, longestStart: number): Service => ({
    longestStart,
    recognise: (start) => (start[0] !== undefined && String.fromCharCode(start[0]) !== first ? 'other' : 'partial'),
  })
  const interceptor = new Interceptor([service('G', 20), service('T', 2_000)])
  const connection = new Connection()
  const far = { at: 500, text: 'x'.repeat(100) }
  interceptor.decide(connection.packet({ text: 'G' }), 0)
  interceptor.decide(connection.packet(far), 0)
  t.equal(interceptor.bytesHeld, 2, 'nothing past the shorter one')
  interceptor.decide(connection.packet({ text: 'T' }), 0)
  const other = new Connection({ clientPort: 50_001 })
  interceptor.decide(other.packet({ text: 'T' }), 0)
  interceptor.decide(other.packet(far), 0)
  t.equal(interceptor.bytesHeld, 2 + 2 * 600)
  t.end()
})

t.test('the oldest is the one that has been silent longest', (t) => {
  const stage = new Stage(first, { watched: 3 })
  for (const connection of connections.slice(0, 3)) stage.client({ text: request.slice(0, 30) }, connection)
  stage.client({ at: 30, text: request.slice(30, 40) }, first)
  stage.client({ text: request.slice(0, 30) }, fourth)
  t.same(stage.client({ at: 30, text: request.slice(30) }, second), untouched)
  t.match(stage.client({ at: 40, text: request.slice(40) }, first), { server: { flags: 'RST' } })
  t.end()
})

t.test('a flood of half requests does not push out connections taken over, nor keep out a whole request', (t) => {
  const stage = new Stage(first, { watched: 3 })
  stage.client({ text: request }, first)
  for (let port = 1; port <= 100; port++)
    stage.client({ text: request.slice(0, 30) }, new Connection({ clientPort: port }))
  t.equal(stage.interceptor.flows, 4)
  t.equal(stage.interceptor.evicted, 97)
  t.match(stage.client({ text: request }, second), { server: { flags: 'RST' } })
  t.same(stage.client({ at: request.length }, first), swallowed)
  t.end()
})

t.test('of too many connections taken over the oldest is forgotten', (t) => {
  const stage = new Stage(first, { taken: 2 })
  for (const connection of connections.slice(0, 3)) stage.client({ text: request }, connection)
  t.equal(stage.interceptor.flows, 2)
  t.equal(stage.interceptor.evicted, 1)
  t.same(stage.client({ at: request.length }, first), untouched)
  t.same(stage.client({ at: request.length }, third), swallowed)
  t.end()
})

t.test('half a request is forgotten a minute after its last segment', (t) => {
  const stage = new Stage()
  stage.client({ text: request.slice(0, 30) })
  stage.wait(59_999)
  stage.client({ at: 30, text: request.slice(30, 40) })
  stage.wait(59_999)
  t.equal(stage.interceptor.flows, 1)
  t.same(stage.wait(1), { client: [], events: [] })
  t.equal(stage.interceptor.flows, 0)
  t.same(stage.client({ at: 40, text: request.slice(40) }), untouched)
  t.end()
})

t.test('only connections taken over and not closed count as open', (t) => {
  const stage = new Stage()
  stage.client({ text: request.slice(0, 30) }, second)
  t.equal(stage.interceptor.openFlows, 0)
  stage.client({ text: request })
  t.equal(stage.interceptor.openFlows, 1)
  t.equal(stage.interceptor.flows, 2)
  t.end()
})
