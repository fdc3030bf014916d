import t from 'tap'
import { DEFAULT_LIMITS } from '../../src/intercept/limits.js'
import { SendQueue, type Chunk } from '../../src/intercept/send-queue.js'
import { ACK, FIN, PSH } from '../../src/wire/tcp.js'

const SIZE = 100
const queueOf = (length: number, window = 60_000) => {
  const queue = new SendQueue(1_000, window, SIZE, DEFAULT_LIMITS)
  queue.write(new Uint8Array(length))
  return queue
}
const places = (chunks: readonly Chunk[]) => chunks.map(({ sequence, payload }) => [sequence - 1_000, payload.length])

t.test('bytes are cut into segments; the last one pushes, and has the FIN', (t) => {
  const queue = queueOf(250)
  queue.end()
  const chunks = queue.take(0)
  t.same(places(chunks), [
    [0, 100],
    [100, 100],
    [200, 50],
  ])
  t.same(
    chunks.map(({ flags }) => flags),
    [ACK, ACK, ACK | PSH | FIN],
  )
  t.equal(queue.max, 1_251)
  t.same(queue.take(0), [], 'once')
  t.end()
})

t.test('at first ten segments go out, then one more for each that is acknowledged, besides that one', (t) => {
  const queue = queueOf(5_000)
  t.equal(queue.take(0).length, 10)
  queue.acknowledge(1_100, 60_000, 0)
  t.same(places(queue.take(0)), [
    [1_000, 100],
    [1_100, 100],
  ])
  t.end()
})

t.test('no more goes out than the window has room for, and no small segment', (t) => {
  const queue = queueOf(1_000, 250)
  t.same(places(queue.take(0)), [
    [0, 100],
    [100, 100],
  ])
  queue.acknowledge(1_200, 250, 0)
  t.same(places(queue.take(0)), [
    [200, 100],
    [300, 100],
  ])
  t.end()
})

t.test('a window smaller than a segment lets one segment go: its scale is not known', (t) => {
  t.same(places(queueOf(250, 3).take(0)), [[0, 100]])
  t.end()
})

t.test('a shut window is tried after the time-out, and what it opens for goes out at once', (t) => {
  const queue = queueOf(250, 0)
  t.same(queue.take(0), [])
  t.same(queue.poll(999), [])
  t.same(places(queue.poll(1_000)), [[0, 100]])
  queue.acknowledge(1_100, 500, 1_100)
  t.same(places(queue.take(1_100)), [
    [100, 100],
    [200, 50],
  ])
  t.end()
})

t.test('after a time-out it starts again at the first byte that is not acknowledged, with one segment', (t) => {
  const queue = queueOf(500)
  t.equal(queue.take(0).length, 5)
  queue.acknowledge(1_100, 60_000, 100)
  t.same(queue.poll(1_099), [])
  t.same(places(queue.poll(1_100)), [[100, 100]])
  queue.acknowledge(1_200, 60_000, 1_200)
  t.same(places(queue.take(1_200)), [
    [200, 100],
    [300, 100],
  ])
  t.end()
})

t.test('what the client had kept is not sent again', (t) => {
  const queue = queueOf(500)
  queue.take(0)
  t.same(places(queue.poll(1_000)), [[0, 100]])
  queue.acknowledge(1_400, 60_000, 1_100)
  t.same(places(queue.take(1_100)), [[400, 100]])
  queue.acknowledge(1_500, 60_000, 1_200)
  t.notOk(queue.isWaiting)
  t.end()
})

t.test('an acknowledgment of nothing new changes nothing but the window', (t) => {
  const queue = queueOf(250, 100)
  queue.take(0)
  queue.acknowledge(1_000, 300, 500)
  t.same(places(queue.take(500)), [
    [100, 100],
    [200, 50],
  ])
  t.same(places(queue.poll(1_000)), [[0, 100]], 'nor the time-out')
  t.end()
})

t.test('an old acknowledgment, and one of what was never sent, are ignored', (t) => {
  const queue = queueOf(250, 100)
  queue.take(0)
  for (const acknowledgment of [999, 1_101, 5_000]) queue.acknowledge(acknowledgment, 60_000, 0)
  t.same(queue.take(0), [], 'and so is the window with them')
  t.same(places(queue.repeat()), [[0, 100]])
  t.end()
})

t.test('after so many time-outs nothing is sent unasked, until something is acknowledged', (t) => {
  const queue = queueOf(250)
  queue.take(0)
  const times = []
  for (let now = 0; now <= 200_000; now += 1_000) if (queue.poll(now).length > 0) times.push(now)
  t.same(times, [1_000, 3_000, 7_000, 15_000, 31_000])
  queue.acknowledge(1_100, 60_000, 300_000)
  t.same(places(queue.take(300_000)), [
    [100, 100],
    [200, 50],
  ])
  t.same(places(queue.poll(301_000)), [[100, 100]])
  t.end()
})

t.test('the FIN is acknowledged by the number behind it only', (t) => {
  const queue = queueOf(50)
  queue.end()
  queue.take(0)
  queue.acknowledge(1_050, 60_000, 0)
  t.notOk(queue.isFinAcknowledged)
  t.same(queue.repeat(), [{ sequence: 1_050, payload: new Uint8Array(0), flags: ACK | FIN }])
  queue.acknowledge(1_051, 60_000, 0)
  t.ok(queue.isFinAcknowledged)
  t.same(queue.repeat(), [])
  t.same(queue.poll(1_000_000), [])
  t.end()
})

t.test('what is written behind the end is left out', (t) => {
  const queue = queueOf(50)
  queue.end()
  queue.write(new Uint8Array(10))
  t.same(places(queue.take(0)), [[0, 50]])
  t.end()
})
