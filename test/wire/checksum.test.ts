import fc from 'fast-check'
import t from 'tap'
import { foldChecksum, sumWords } from '../../src/wire/checksum.js'
import { ipv4Request } from '../fixtures/captured.js'
import { fromHex } from '../fixtures/hex.js'
import { holds } from '../holds.js'
import { naiveChecksum } from './naive-checksum.js'

t.test('the example of RFC 1071, 3 comes out as printed there', (t) => {
  const bytes = fromHex('0001 f203 f4f5 f6f7')
  t.equal(sumWords(bytes, 0, bytes.length), 0x2ddf0)
  t.equal(foldChecksum(0x2ddf0), 0xffff - 0xddf2)
  t.end()
})

t.test('over a captured IPv4 header, its checksum included, it gives 0', (t) => {
  t.equal(foldChecksum(sumWords(ipv4Request, 0, 20)), 0)
  t.end()
})

t.test('nothing sums to 0, and an odd last byte is the high half of a word', (t) => {
  t.equal(foldChecksum(sumWords(new Uint8Array(0), 0, 0)), 0xffff)
  t.equal(sumWords(fromHex('01 02 03'), 0, 3), 0x0102 + 0x0300)
  t.end()
})

t.test('a carry out of a fold is folded again', (t) => {
  t.equal(foldChecksum(0x1ffff), 0xffff - 1)
  t.equal(foldChecksum(0xffff_ffff), 0)
  t.end()
})

t.test('only the bytes of the range count, and the initial sum is added', (t) => {
  t.equal(sumWords(fromHex('ffff 0001 0002 ffff'), 2, 6, 10), 13)
  t.end()
})

t.test('a range that goes past the end reads zeros there', (t) => {
  t.equal(sumWords(fromHex('0001'), 0, 8), 1)
  t.end()
})

t.test('properties', (t) => {
  holds(
    t,
    'any bytes give what the naive implementation gives',
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      (bytes) => foldChecksum(sumWords(bytes, 0, bytes.length)) === naiveChecksum(bytes),
    ),
  )
  holds(
    t,
    'a sum may be taken in parts of an even length',
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(150), (bytes, half) => {
      const middle = Math.min(half * 2, bytes.length)
      const parts = sumWords(bytes, middle, bytes.length, sumWords(bytes, 0, middle))
      return middle % 2 === 1 || parts === sumWords(bytes, 0, bytes.length)
    }),
  )
  t.equal(
    foldChecksum(sumWords(new Uint8Array(65_535).fill(0xff), 0, 65_535)),
    0xff,
    'the largest packet there is does not overflow',
  )
  t.end()
})
