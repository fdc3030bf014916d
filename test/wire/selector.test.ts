import t from 'tap'
import { keyOffset, maskAt } from '../../src/wire/selector.js'
import { fromHex, fromText } from '../fixtures/hex.js'

t.test('the key stands behind the start, wherever that begins', (t) => {
  t.equal(keyOffset({ offset: 0, bytes: fromText('GET /') }), 5)
  t.equal(keyOffset({ offset: 12, bytes: fromText('abc') }), 15)
  t.end()
})

t.test('without a mask every bit counts; a mask says of each byte which', (t) => {
  const start = { offset: 0, bytes: fromHex('0001 00') }
  t.equal(maskAt(start, 2), 0xff)
  const masked = { ...start, mask: fromHex('f8 00 0f') }
  t.strictSame(
    [0, 1, 2].map((index) => maskAt(masked, index)),
    [0xf8, 0, 0x0f],
  )
  t.end()
})
