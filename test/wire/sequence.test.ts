import fc from 'fast-check'
import t from 'tap'
import { seqAdd, seqBefore, seqDiff } from '../../src/wire/sequence.js'
import { holds } from '../holds.js'
import { uint32 } from './arbitraries.js'

t.test('adding goes on at 0 after 2^32 - 1, and backwards the same way', (t) => {
  t.equal(seqAdd(0xffff_ffff, 1), 0)
  t.equal(seqAdd(0xffff_fff0, 0x20), 0x10)
  t.equal(seqAdd(0, -1), 0xffff_ffff)
  t.equal(seqAdd(7, 0), 7)
  t.end()
})

t.test('a difference is signed and does not see the wrap', (t) => {
  t.equal(seqDiff(5, 3), 2)
  t.equal(seqDiff(3, 5), -2)
  t.equal(seqDiff(2, 0xffff_fffe), 4)
  t.equal(seqDiff(0xffff_fffe, 2), -4)
  t.equal(seqDiff(0x8000_0000, 0), -(2 ** 31), 'half the circle counts as behind')
  t.equal(seqDiff(0x7fff_ffff, 0), 2 ** 31 - 1)
  t.end()
})

t.test('before is strict, and holds across the wrap', (t) => {
  t.ok(seqBefore(0xffff_ffff, 0))
  t.notOk(seqBefore(0, 0xffff_ffff))
  t.notOk(seqBefore(9, 9))
  t.end()
})

t.test('properties', (t) => {
  const steps = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
  holds(
    t,
    'adding agrees with arithmetic modulo 2^32',
    fc.property(
      uint32,
      steps,
      (from, count) => BigInt(seqAdd(from, count)) === BigInt.asUintN(32, BigInt(from) + BigInt(count)),
    ),
  )
  holds(
    t,
    'what was added is the difference',
    fc.property(uint32, steps, (from, count) => seqDiff(seqAdd(from, count), from) === count),
  )
  t.end()
})
