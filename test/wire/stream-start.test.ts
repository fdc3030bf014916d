import fc from 'fast-check'
import t from 'tap'
import { StreamStart } from '../../src/wire/stream-start.js'
import { MAX_REQUEST_LINE } from '../../src/wire/http/http.js'
import { seqAdd } from '../../src/wire/sequence.js'
import { fromText, toText } from '../fixtures/hex.js'
import { holds } from '../holds.js'

t.test('segments in order follow each other', (t) => {
  const start = new StreamStart(1_000, MAX_REQUEST_LINE)
  t.equal(start.nextSequence, 1_000)
  start.add(1_000, fromText('GET '))
  start.add(1_004, fromText('/.well'))
  t.equal(toText(start.bytes), 'GET /.well')
  t.equal(start.nextSequence, 1_010)
  t.end()
})

t.test('what comes before a gap is filled counts once it is filled', (t) => {
  const start = new StreamStart(1_000, MAX_REQUEST_LINE)
  start.add(1_000, fromText('GE'))
  start.add(1_004, fromText('/.well'))
  t.equal(toText(start.bytes), 'GE')
  start.add(1_002, fromText('T '))
  t.equal(toText(start.bytes), 'GET /.well')
  t.end()
})

t.test('a byte stays as it came first, whatever comes again in its place', (t) => {
  const start = new StreamStart(1_000, MAX_REQUEST_LINE)
  start.add(1_000, fromText('GET'))
  start.add(1_005, fromText('ab'))
  start.add(1_000, fromText('XXXX/XXc'))
  t.equal(toText(start.bytes), 'GETX/abc')
  t.end()
})

t.test('bytes before the start and bytes past the longest request line are left out', (t) => {
  const start = new StreamStart(1_000, MAX_REQUEST_LINE)
  start.add(990, fromText('old bytes GET'))
  t.equal(toText(start.bytes), 'GET')
  start.add(980, fromText('older'))
  start.add(seqAdd(1_000, MAX_REQUEST_LINE), fromText('x'))
  t.equal(toText(start.bytes), 'GET')
  start.add(1_003, fromText('x'.repeat(2 * MAX_REQUEST_LINE)))
  t.equal(start.bytes.length, MAX_REQUEST_LINE)
  t.end()
})

t.test('sequence numbers may start again at 0 in the middle', (t) => {
  const start = new StreamStart(0xffff_fffe, MAX_REQUEST_LINE)
  start.add(0, fromText('T /'))
  start.add(0xffff_fffe, fromText('GE'))
  t.equal(toText(start.bytes), 'GET /')
  t.equal(start.nextSequence, 3)
  t.end()
})

t.test('a segment is of interest when it has a byte between the start and the capacity', (t) => {
  const start = new StreamStart(1_000, 10)
  for (const [sequence, length, isCovered] of [
    [1_000, 1, true],
    [1_009, 1, true],
    [1_010, 1, false],
    [990, 10, false],
    [990, 11, true],
    [1_004, 3, true],
    [990, 100, true],
  ] as const)
    t.equal(start.covers(sequence, length), isCovered, `${length} at ${sequence}`)
  t.end()
})

t.test('it takes memory for what has come, and narrower it is full earlier', (t) => {
  const start = new StreamStart(1_000, 100)
  t.equal(start.size, 0)
  start.add(1_000, fromText('GET'))
  t.equal(start.size, 6)
  start.add(1_009, fromText('x'))
  t.equal(start.size, 20)
  start.narrow(5)
  start.add(1_003, fromText(' / HTTP'))
  t.equal(toText(start.bytes), 'GET /')
  t.ok(start.isFull)
  start.narrow(50)
  t.notOk(start.covers(1_005, 10), 'it does not become wider')
  start.narrow(2)
  t.equal(toText(start.bytes), 'GET /', 'what has come stays')
  t.end()
})

t.test('it is full with its last byte, when there is no gap', (t) => {
  const start = new StreamStart(1_000, 4)
  start.add(1_001, fromText('bcd'))
  t.notOk(start.isFull)
  start.add(1_000, fromText('a'))
  t.ok(start.isFull)
  t.end()
})

t.test('properties', (t) => {
  const text = 'GET /.well-known/acme-challenge/token HTTP/1.1\r\n'
  const parts = fc.array(fc.tuple(fc.nat(text.length), fc.nat(20)), { maxLength: 30 })
  holds(
    t,
    'parts in any order, repeated and overlapping, give the text up to the first byte that is in none',
    fc.property(parts, fc.constantFrom(0, 1_000, 0xffff_fff0), (parts, sequence) => {
      const start = new StreamStart(sequence, MAX_REQUEST_LINE)
      const isThere = new Set<number>()
      for (const [at, length] of parts) {
        start.add(seqAdd(sequence, at), fromText(text.slice(at, at + length)))
        for (let place = at; place < Math.min(at + length, text.length); place++) isThere.add(place)
      }
      const firstGap = Array.from({ length: text.length + 1 }, (_, place) => place).find((place) => !isThere.has(place))
      return toText(start.bytes) === text.slice(0, firstGap)
    }),
    { numRuns: 1000 },
  )
  t.end()
})
