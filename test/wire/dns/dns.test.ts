import fc from 'fast-check'
import t from 'tap'
import { RCODES, TYPES } from '../../../src/wire/dns/dns.js'
import { readQuery, type DnsQuery } from '../../../src/wire/dns/dns-query.js'
import {
  asResponse,
  authorityData,
  datagramLimit,
  formatBareReply,
  formatDnsReply,
  pointerData,
  textData,
} from '../../../src/wire/dns/dns-reply.js'
import { read16, write16 } from '../../../src/wire/ip.js'
import { dnsName, dnsQuery, plainDnsQuery } from '../../fixtures/dns.js'
import { fromHex, fromText, toText } from '../../fixtures/hex.js'
import { known } from '../../fixtures/known.js'
import { holds } from '../../holds.js'

const texts = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ type: TYPES.TXT, data: textData(`${index}`.padStart(43, 'x')) }))
const reply = (count: number) => ({
  rcode: RCODES.noError,
  isAuthoritative: true,
  answers: texts(count),
  authority: [],
})

/** Returns the query with other bytes at a place. */
function changed(bytes: Uint8Array, at: number, ...values: number[]): Uint8Array {
  const copy = bytes.slice()
  copy.set(values, at)
  return copy
}

t.test('parse: a query gives its question, and what the client says of itself', (t) => {
  t.same(readQuery(dnsQuery), {
    id: 0x1234,
    isRecursionDesired: true,
    isCheckingDisabled: false,
    question: dnsQuery.subarray(12, 45),
    name: dnsName,
    type: TYPES.TXT,
    edns: { payloadSize: 1_232, isDnssecOk: true, cookie: fromHex('0102030405060708') },
  })
  t.same(readQuery(plainDnsQuery)?.edns, undefined)
  t.equal(readQuery(plainDnsQuery)?.name, dnsName)
  t.end()
})

t.test('truncated: a query cut off anywhere, or with more after it, is none', (t) => {
  for (const query of [dnsQuery, plainDnsQuery]) {
    const lengths = Array.from(query, (_, length) => length)
    t.same(
      lengths.filter((length) => readQuery(query.subarray(0, length))),
      [],
    )
    t.equal(readQuery(Uint8Array.from([...query, 0])), undefined)
  }
  t.end()
})

t.test('anything else is none', (t) => {
  const table: readonly (readonly [string, Uint8Array])[] = [
    ['a response', changed(plainDnsQuery, 2, 0x81)],
    ['a notification', changed(plainDnsQuery, 2, 0x20)],
    ['an answer of a server of the zone', changed(plainDnsQuery, 2, 0x05)],
    ['a truncated query', changed(plainDnsQuery, 2, 0x03)],
    ['recursion available', changed(plainDnsQuery, 3, 0x80)],
    ['the reserved bit', changed(plainDnsQuery, 3, 0x40)],
    ['an error', changed(plainDnsQuery, 3, 0x01)],
    ['no question', changed(plainDnsQuery, 5, 0)],
    ['two questions', changed(plainDnsQuery, 5, 2)],
    ['an answer', changed(plainDnsQuery, 7, 1)],
    ['an authority', changed(plainDnsQuery, 9, 1)],
    ['an additional record that is not there', changed(plainDnsQuery, 11, 1)],
    ['two additional records', changed(dnsQuery, 11, 2)],
    ['class CHAOS', changed(plainDnsQuery, 44, 3)],
    ['a label that points to itself', changed(plainDnsQuery, 28, 0xc0, 28)],
    ['a label that points to the one before', changed(plainDnsQuery, 28, 0xc0, 12)],
    ['a label of 64 bytes', changed(plainDnsQuery, 28, 64)],
    ['a label of an extended type', changed(plainDnsQuery, 28, 0x41)],
    ['a label that is longer than the message', changed(plainDnsQuery, 28, 63)],
    ['a label with a dot', changed(plainDnsQuery, 30, 0x2e)],
    ['a label with a zero byte', changed(plainDnsQuery, 30, 0)],
    ['a label with a byte above ASCII', changed(plainDnsQuery, 30, 0xe4)],
    ['a record that is not OPT', changed(dnsQuery, 47, 0x10)],
    ['an OPT with a name', changed(dnsQuery, 45, 1)],
    ['EDNS version 1', changed(dnsQuery, 51, 1)],
    ['options that are shorter than they say', changed(dnsQuery, 55, 0x0d)],
    ['an option that is longer than its record', changed(dnsQuery, 59, 9)],
    ['a cookie of 7 bytes', Uint8Array.from([...changed(changed(dnsQuery, 55, 0x0b), 59, 7).subarray(0, -1)])],
  ]
  for (const [title, bytes] of table) t.equal(readQuery(bytes), undefined, title)
  const name = (labels: number, last: number) =>
    Uint8Array.from([
      ...plainDnsQuery.subarray(0, 12),
      ...Array.from({ length: labels }, () => [63, ...fromText('a'.repeat(63))]).flat(),
      ...(last > 0 ? [last, ...fromText('a'.repeat(last))] : []),
      0,
      ...fromHex('0010 0001'),
    ])
  t.equal(readQuery(name(3, 61))?.name.length, 3 * 64 + 61, 'a name of 255 bytes')
  t.equal(readQuery(name(3, 62)), undefined, 'a name of 256 bytes')
  t.equal(readQuery(name(40, 0)), undefined, 'a name without end')
  t.end()
})

t.test('a cookie has 8 bytes, or 16 to 40 with the part of the server', (t) => {
  const withCookie = (length: number) => {
    const query = changed(changed(dnsQuery, 55, length + 4), 59, length)
    return readQuery(Uint8Array.from([...query.subarray(0, -8), ...Array<number>(length).fill(7)]))
  }
  for (const length of [8, 16, 17, 39, 40]) t.equal(withCookie(length)?.edns?.cookie?.length, length)
  for (const length of [0, 7, 9, 15, 41]) t.equal(withCookie(length), undefined, `${length} bytes`)
  t.end()
})

t.test('the characters of a name are letters, digits, hyphen and underscore, and no other byte', (t) => {
  const read = Array.from({ length: 256 }, (_, byte) => byte).filter((byte) =>
    readQuery(changed(plainDnsQuery, 30, byte)),
  )
  t.equal(String.fromCharCode(...read), '-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz')
  t.end()
})

t.test('AD and CD are no obstacle, and a name may be the root', (t) => {
  t.ok(readQuery(changed(plainDnsQuery, 3, 0x30)))
  t.equal(readQuery(fromHex('0000 0000 0001 0000 0000 0000 00 0010 0001'))?.name, '')
  t.end()
})

t.test('construct: a reply has the question byte for byte, one record for each value, and EDNS', (t) => {
  t.same(
    formatDnsReply(known(readQuery(dnsQuery)), { ...reply(0), answers: [{ type: 16, data: textData('abc') }] }, 512),
    fromHex(`
      1234 8500           # identifier; QR, AA, RD
      0001 0001 0000 0001
      0f 5f41434d452d4368616c6c656e6765 07 4578616d706c65 03 636f6d 00
      0010 0001
      c00c 0010 0001 00000000 0004 03 616263 # TXT, IN, to live 0
      00 0029 04d0 00 00 8000 000c
      000a 0008 0102030405060708
    `),
  )
  t.same(
    formatDnsReply(known(readQuery(changed(plainDnsQuery, 2, 0, 0x10))), { ...reply(0), isAuthoritative: false }, 512),
    Uint8Array.from([0x12, 0x34, 0x80, 0x10, ...plainDnsQuery.subarray(4)]),
    'CD is sent back, EDNS is not sent where nobody asked for it',
  )
  t.end()
})

t.test('what does not fit is truncated: the header says so, and there are no records', (t) => {
  const query = known(readQuery(plainDnsQuery))
  const whole = formatDnsReply(query, reply(8), 512)
  t.equal(whole.length, 45 + 8 * 56)
  const cut = formatDnsReply(query, reply(9), 512)
  t.same(cut, Uint8Array.from([0x12, 0x34, 0x87, 0x00, ...plainDnsQuery.subarray(4)]))
  const sizes = [0, 511, 512, 513, 1_232, 1_233, 65_535]
  t.same(
    sizes.map((payloadSize) => datagramLimit({ edns: { payloadSize, isDnssecOk: false } })),
    [512, 512, 512, 513, 1_232, 1_232, 1_232],
  )
  t.equal(datagramLimit({}), 512)
  t.end()
})

t.test('a zone of our own has the parent of its name as its server', (t) => {
  t.same(pointerData(28), fromHex('c01c'))
  t.same(authorityData(28), fromHex('c01c 0a 686f73746d6173746572 c01c 00000001 00000e10 00000258 00015180 00000000'))
  t.end()
})

t.test('a bare reply refuses what cannot be read, but never answers a response', (t) => {
  t.same(formatBareReply(changed(plainDnsQuery, 2, 0x21), 5), fromHex('1234 a105 0000 0000 0000 0000'))
  t.equal(formatBareReply(changed(plainDnsQuery, 2, 0x81), 5), undefined)
  t.equal(formatBareReply(plainDnsQuery.subarray(0, 11), 5), undefined)
  const given = Buffer.from(plainDnsQuery)
  t.same(asResponse(given), changed(plainDnsQuery, 2, 0x81))
  t.same(given, Buffer.from(plainDnsQuery), 'a packet is a Buffer, and stays as it is')
  t.end()
})

holds(
  t,
  'every query that can be read comes back with its question, and as a response nobody reads it',
  fc.property(
    fc.mixedCase(fc.domain()),
    fc.nat(0xffff),
    fc.nat(0xffff),
    fc.boolean(),
    fc.nat(40),
    (name, id, type, isRecursionDesired, count) => {
      const labels = name.split('.').flatMap((label) => [label.length, ...fromText(label)])
      const bytes = Uint8Array.from([0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, type >> 8, type & 0xff, 0, 1])
      write16(bytes, 0, id)
      bytes[2] = isRecursionDesired ? 1 : 0
      const query: DnsQuery | undefined = readQuery(bytes)
      if (!query) return false
      const answer = formatDnsReply(query, reply(count), datagramLimit(query))
      return (
        query.name === name.toLowerCase() &&
        query.type === type &&
        answer.length <= 512 &&
        read16(answer, 0) === id &&
        toText(answer.subarray(12, bytes.length)) === toText(bytes.subarray(12)) &&
        readQuery(answer) === undefined &&
        readQuery(asResponse(bytes)) === undefined
      )
    },
  ),
)

holds(
  t,
  'no message throws',
  fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(80), (noise, at) => {
    readQuery(noise)
    readQuery(changed(Uint8Array.from([...dnsQuery, ...new Uint8Array(80)]), at % 60, ...noise.subarray(0, 20)))
    return true
  }),
)
