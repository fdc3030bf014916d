import t from 'tap'
import { formatQuestion, readResponse } from '../../../src/wire/dns/dns-response.js'
import { TYPES } from '../../../src/wire/dns/dns.js'
import { readQuery } from '../../../src/wire/dns/dns-query.js'
import { fromHex } from '../../fixtures/hex.js'

t.test('a question is a query, with EDNS', (t) => {
  for (const isRecursionDesired of [false, true]) {
    const bytes = formatQuestion({
      id: 0xbeef,
      name: '_acme-challenge.Example.com',
      type: TYPES.SOA,
      isRecursionDesired,
    })
    t.match(readQuery(bytes), {
      id: 0xbeef,
      name: '_acme-challenge.example.com',
      type: TYPES.SOA,
      isRecursionDesired,
      edns: { payloadSize: 1232, isDnssecOk: false },
    })
  }
  t.equal(readQuery(formatQuestion({ id: 1, name: '', type: TYPES.NS, isRecursionDesired: true }))?.name, '')
  t.end()
})

/** A referral of `a.b` to `ns.a.b`, both with pointers, and an alias of `a.b` before it, for `ns.a.b` too. */
const referral = fromHex(`
  0102 8400 0001 0001 0001 0000  01 41 01 62 00  0006 0001
  c00c 0005 0001 0000003c 0005 02 6e73 c00c
  c00c 0002 0001 0000003c 0002 c021
`)

t.test('answers and authority are read, names through pointers and in lower case', (t) => {
  t.strictSame(readResponse(referral), {
    id: 0x0102,
    rcode: 0,
    isAuthoritative: true,
    answers: [{ name: 'a.b', type: TYPES.CNAME, target: 'ns.a.b' }],
    authority: [{ name: 'a.b', type: TYPES.NS, target: 'ns.a.b' }],
  })
  t.end()
})

t.test('flags are read one by one', (t) => {
  const withFlags = (flags: number) => {
    const copy = referral.slice()
    copy.set([flags >> 8, flags & 0xff], 2)
    return readResponse(copy)
  }
  t.match(withFlags(0x8183), { rcode: 3, isAuthoritative: false }, 'of a resolver')
  t.match(withFlags(0x8405), { rcode: 5, isAuthoritative: true })
  t.equal(withFlags(0x0405), undefined, 'no response')
  t.end()
})

t.test('what is malformed is none: cut anywhere, a query, a loop, a label too long', (t) => {
  for (let length = 0; length < referral.length; length++)
    t.equal(readResponse(referral.subarray(0, length)), undefined, `${length} bytes`)
  t.equal(readResponse(formatQuestion({ id: 1, name: 'a', type: 1, isRecursionDesired: false })), undefined, 'a query')
  const changed = (at: number, ...bytes: readonly number[]) => {
    const copy = referral.slice()
    copy.set(bytes, at)
    return readResponse(copy)
  }
  t.equal(changed(12, 0xc0, 0x0c), undefined, 'a pointer to itself')
  t.equal(changed(12, 0x40), undefined, 'a label of 64 bytes')
  t.equal(changed(5, 2), undefined, 'two questions')
  t.equal(changed(7, 0xff), undefined, 'more answers than there are')
  t.end()
})
