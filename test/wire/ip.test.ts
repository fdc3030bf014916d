import fc from 'fast-check'
import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { foldChecksum } from '../../src/wire/checksum.js'
import { emitIp, ipHeaderLength, parseIp, pseudoHeaderSum, resizeIp, TCP, type IpEnvelope } from '../../src/wire/ip.js'
import { read16, read32, write16, write32 } from '../../src/wire/ip.js'
import { ipv4Request, ipv6Request } from '../fixtures/captured.js'
import { fromHex } from '../fixtures/hex.js'
import { known } from '../fixtures/known.js'
import { holds } from '../holds.js'
import { envelopes, uint16, uint32 } from './arbitraries.js'
import { naiveChecksum } from './naive-checksum.js'

const ipv4: IpEnvelope = { version: 4, source: fromHex('c0000201'), destination: fromHex('c0000202') }
const ipv6: IpEnvelope = {
  version: 6,
  source: fromHex('20010db8000000000000000000000001'),
  destination: fromHex('20010db8000000000000000000000002'),
}

const emittedIpv4 = fromHex(`
  45 00 0028          # version 4, header of 5 words, service 0, total length 20 + 20
  0000 4000           # identification 0 (RFC 6864 allows it with "don't fragment"), don't fragment
  40 06 b6cc          # time to live 64, TCP, header checksum
  c0000201            # from 192.0.2.1
  c0000202            # to 192.0.2.2
`)

const emittedIpv6 = fromHex(`
  6 00 00000          # version 6, traffic class 0, flow label 0
  0014 06 40          # payload length 20, TCP, hop limit 64
  20010db8000000000000000000000001 # from 2001:db8::1
  20010db8000000000000000000000002 # to 2001:db8::2
`)

t.test('deconstruct: the parts of a captured packet are slices of its bytes', (t) => {
  const four = parseIp(ipv4Request)
  t.equal(four?.source.byteOffset, ipv4Request.byteOffset + 12)
  t.equal(four?.destination.byteOffset, ipv4Request.byteOffset + 16)
  t.equal(four?.payload.byteOffset, ipv4Request.byteOffset + 20)
  t.equal(four?.payload.buffer, ipv4Request.buffer)
  const six = parseIp(ipv6Request)
  t.equal(six?.source.byteOffset, ipv6Request.byteOffset + 8)
  t.equal(six?.destination.byteOffset, ipv6Request.byteOffset + 24)
  t.equal(six?.payload.byteOffset, ipv6Request.byteOffset + 40)
  t.end()
})

t.test('construct: a header is written byte for byte', (t) => {
  const four = new Uint8Array(20)
  emitIp(ipv4, 20, four)
  t.same(four, emittedIpv4)
  const six = new Uint8Array(40)
  emitIp(ipv6, 20, six)
  t.same(six, emittedIpv6)
  t.end()
})

t.test('parse: a captured packet gives its values', (t) => {
  t.same(parseIp(ipv4Request), {
    version: 4,
    source: fromHex('c0000202'),
    destination: fromHex('c0000201'),
    protocol: TCP,
    headerLength: 20,
    payload: ipv4Request.slice(20),
  })
  t.same(parseIp(ipv6Request), {
    version: 6,
    source: fromHex('20010db8000000000000000000000002'),
    destination: fromHex('20010db8000000000000000000000001'),
    protocol: TCP,
    headerLength: 40,
    payload: ipv6Request.slice(40),
  })
  t.end()
})

t.test('emit: what was in the buffer before does not show, and what lies behind the header stays', (t) => {
  for (const [envelope, expected] of [
    [ipv4, emittedIpv4],
    [ipv6, emittedIpv6],
  ] as const) {
    const buffer = new Uint8Array(expected.length + 20).fill(0xa5)
    emitIp(envelope, 20, buffer)
    t.same(buffer.subarray(0, expected.length), expected)
    t.same(buffer.subarray(expected.length), new Uint8Array(20).fill(0xa5))
  }
  t.end()
})

t.test('truncated: a packet cut off anywhere is none', (t) => {
  for (const packet of [ipv4Request, ipv6Request]) {
    const readable = Array.from(packet.keys()).filter((length) => parseIp(packet.subarray(0, length)))
    t.same(readable, [])
  }
  t.end()
})

t.test('bytes behind the packet, as a short Ethernet frame has them, are not part of it', (t) => {
  const payload = new Uint8Array(20).fill(0x11)
  for (const header of [emittedIpv4, emittedIpv6]) {
    t.same(parseIp(Uint8Array.from([...header, ...payload, 0, 0, 0, 0]))?.payload, payload)
  }
  t.end()
})

t.test('a header with impossible lengths or of another version is none', (t) => {
  const table: readonly [string, (bytes: Uint8Array) => void][] = [
    ['version 5', (bytes) => (bytes[0] = 0x55)],
    ['version 0', (bytes) => (bytes[0] = 0x05)],
    ['a header of 4 words', (bytes) => (bytes[0] = 0x44)],
    ['a header longer than the packet', (bytes) => ((bytes[0] = 0x4f), write16(bytes, 2, 59))],
    ['a total length below the header', (bytes) => write16(bytes, 2, 19)],
    ['a total length of 0, as segmentation offload leaves it', (bytes) => write16(bytes, 2, 0)],
  ]
  for (const [what, change] of table) {
    const bytes = ipv4Request.slice()
    change(bytes)
    t.equal(parseIp(bytes), undefined, what)
  }
  t.end()
})

t.test('options of an IPv4 header are skipped, up to its largest length', (t) => {
  for (let words = 5; words <= 15; words++) {
    const bytes = new Uint8Array(words * 4 + 3).fill(0x11)
    bytes.set(emittedIpv4)
    bytes[0] = 0x40 | words
    write16(bytes, 2, bytes.length)
    const packet = parseIp(bytes)
    t.equal(packet?.headerLength, words * 4)
    t.same(packet?.payload, new Uint8Array(3).fill(0x11))
  }
  t.end()
})

t.test('any fragment is none, whatever the other flags say', (t) => {
  const table = [
    [0x2000, false, 'the first of several'],
    [0x0001, false, 'the last one'],
    [0x3fff, false, 'one in the middle'],
    [0x6000, false, 'more fragments and yet "don\'t fragment"'],
    [0x4000, true, 'whole: "don\'t fragment"'],
    [0x8000, true, "whole: the reserved bit is nobody's business"],
  ] as const
  for (const [field, isWhole, what] of table) {
    const bytes = ipv4Request.slice()
    write16(bytes, 6, field)
    t.equal(parseIp(bytes) !== undefined, isWhole, what)
  }
  t.end()
})

t.test('TCP behind an IPv6 extension header is not seen as TCP', (t) => {
  for (const next of [0, 43, 44, 60]) {
    const bytes = ipv6Request.slice()
    bytes[6] = next
    t.equal(parseIp(bytes)?.protocol, next)
  }
  t.end()
})

t.test('a resized header keeps all but its length, and its checksum is right again', (t) => {
  const [four, six] = [ipv4Request.slice(), ipv6Request.slice()]
  resizeIp(four, known(parseIp(ipv4Request)), 20)
  t.equal(read16(four, 2), 40)
  t.equal(naiveChecksum(four.subarray(0, 20)), 0)
  t.same(without(four, 2, 3, 10, 11), without(ipv4Request, 2, 3, 10, 11))
  resizeIp(six, known(parseIp(ipv6Request)), 20)
  t.equal(read16(six, 4), 20)
  t.same(without(six, 4, 5), without(ipv6Request, 4, 5))
  t.end()
})

t.test('numbers are big-endian, unsigned, and 0 past the end', (t) => {
  const bytes = fromHex('f1 02 83 04')
  t.equal(read16(bytes, 0), 0xf102)
  t.equal(read32(bytes, 0), 0xf1028304)
  t.equal(read16(bytes, 3), 0x0400)
  t.equal(read32(bytes, 9), 0)
  t.end()
})

t.test('properties', (t) => {
  holds(
    t,
    'any bytes are read without an exception, and never past their end',
    fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
      const packet = parseIp(bytes)
      return packet === undefined || packet.headerLength + packet.payload.length <= bytes.length
    }),
  )
  holds(
    t,
    'an envelope comes back as it was written',
    fc.property(envelopes, fc.nat(200), (envelope, length) => {
      const bytes = new Uint8Array(ipHeaderLength(envelope.version) + length)
      emitIp(envelope, length, bytes)
      const payload = new Uint8Array(length)
      return isDeepStrictEqual(parseIp(bytes), {
        ...envelope,
        protocol: TCP,
        headerLength: bytes.length - length,
        payload,
      })
    }),
  )
  holds(
    t,
    'an emitted IPv4 header has the checksum of the naive implementation',
    fc.property(envelopes, fc.nat(65_515), (envelope, length) => {
      const bytes = new Uint8Array(40)
      emitIp(envelope, length, bytes)
      return envelope.version === 6 || naiveChecksum(bytes.subarray(0, 20)) === 0
    }),
  )
  holds(
    t,
    'numbers come back as they were written, and nothing else changes',
    fc.property(uint16, uint32, fc.nat(4), (short, long, at) => {
      const bytes = new Uint8Array(10).fill(0xa5)
      write32(bytes, at, long)
      const isLong = read32(bytes, at) === long && bytes[at + 4] === 0xa5
      write16(bytes, at, short)
      return isLong && read16(bytes, at) === short && read16(bytes, at + 2) === (long & 0xffff)
    }),
  )
  holds(
    t,
    'the pseudo-header is the one the RFCs draw',
    fc.property(envelopes, fc.nat(65_515), (envelope, length) => {
      const drawn = Uint8Array.from([...envelope.source, ...envelope.destination, 0, TCP, length >>> 8, length & 0xff])
      return foldChecksum(pseudoHeaderSum(envelope, length)) === naiveChecksum(drawn)
    }),
  )
  t.end()
})

/** All bytes but those of the given places. */
function without(bytes: Uint8Array, ...places: readonly number[]): number[] {
  return [...bytes].filter((_, at) => !places.includes(at))
}
