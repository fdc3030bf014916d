import fc from 'fast-check'
import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { parseIp, write16, type IpEnvelope } from '../../src/wire/ip.js'
import {
  ACK,
  emitTcp,
  FIN,
  hasValidChecksum,
  parseTcp,
  PSH,
  SYN,
  tcpLength,
  type TcpSegment,
} from '../../src/wire/tcp.js'
import { capturedRequest, ipv4Fin, ipv4Request, ipv4Syn, ipv6Request } from '../fixtures/captured.js'
import { fromHex, fromText } from '../fixtures/hex.js'
import { known } from '../fixtures/known.js'
import { holds } from '../holds.js'
import { envelopes, segments } from './arbitraries.js'
import { naiveTcpChecksum } from './naive-checksum.js'

const envelope: IpEnvelope = { version: 4, source: fromHex('c0000201'), destination: fromHex('c0000202') }

const reply: TcpSegment = {
  sourcePort: 80,
  destinationPort: 52_178,
  sequence: 0xe8d20c2c,
  acknowledgment: 0x1269e020,
  flags: PSH | ACK | FIN,
  window: 0xffff,
  timestamps: { value: 0x5176a84c, echo: 0x42fe280b },
  payload: fromText('hi!'),
}

const emittedReply = fromHex(`
  0050 cbd2           # from port 80 to port 52178
  e8d20c2c            # sequence number
  1269e020            # acknowledgment number
  80 19 ffff          # header of 8 words, PSH ACK FIN, window 65535
  50cc 0000           # checksum, urgent pointer
  01 01               # no operation, twice
  08 0a 5176a84c 42fe280b # timestamps: value, echo
  68 69 21            # "hi!"
`)

const emittedPlainReply = fromHex(`
  0050 cbd2           # from port 80 to port 52178
  e8d20c2c            # sequence number
  1269e020            # acknowledgment number
  50 19 ffff          # header of 5 words, PSH ACK FIN, window 65535
  eeaf 0000           # checksum, urgent pointer
  68 69 21            # "hi!"
`)

const { timestamps: _, ...plainReply } = reply

t.test('deconstruct: the payload of a captured segment is a slice of its bytes, behind header and options', (t) => {
  const bytes = ipv4Request.subarray(20)
  const payload = parseTcp(bytes)?.payload
  t.equal(payload?.buffer, bytes.buffer)
  t.equal(payload?.byteOffset, bytes.byteOffset + 32)
  t.equal(payload?.length, capturedRequest.length)
  t.end()
})

t.test('construct: a segment is written byte for byte, with timestamps and without', (t) => {
  for (const [segment, expected] of [
    [reply, emittedReply],
    [plainReply, emittedPlainReply],
  ] as const) {
    const bytes = new Uint8Array(tcpLength(segment))
    emitTcp(envelope, segment, bytes)
    t.same(bytes, expected)
  }
  t.end()
})

t.test('parse: captured segments give their values', (t) => {
  t.same(parseTcp(ipv4Request.subarray(20)), {
    sourcePort: 52_178,
    destinationPort: 80,
    sequence: 0x1269dfb5,
    acknowledgment: 0xe8d20c2c,
    flags: PSH | ACK,
    window: 63,
    timestamps: { value: 0x42fe280b, echo: 0x5176a84c },
    payload: fromText(capturedRequest),
  })
  const { flags, window, timestamps, payload } = known(parseTcp(ipv4Syn.subarray(20)))
  t.same(
    { flags, window, timestamps, length: payload.length },
    { flags: SYN, window: 64_240, timestamps: { value: 0x42fe280a, echo: 0 }, length: 0 },
  )
  t.equal(parseTcp(ipv4Fin.subarray(20))?.flags, FIN | ACK)
  t.equal(parseTcp(ipv6Request.subarray(40))?.timestamps?.echo, 0xfec98b2f)
  t.end()
})

t.test('emit: what was in the buffer before does not show, and what lies behind the segment stays', (t) => {
  for (const [segment, expected] of [
    [reply, emittedReply],
    [plainReply, emittedPlainReply],
  ] as const) {
    const buffer = new Uint8Array(expected.length + 9).fill(0xa5)
    emitTcp(envelope, segment, buffer)
    t.same(buffer.subarray(0, expected.length), expected)
    t.same(buffer.subarray(expected.length), new Uint8Array(9).fill(0xa5))
  }
  t.end()
})

t.test('truncated: a segment cut off in its header is none, and one cut off behind it has a wrong checksum', (t) => {
  for (const [packet, headerLength] of [
    [ipv4Request, 32],
    [ipv4Syn, 40],
  ] as const) {
    const bytes = packet.subarray(20)
    const readable = Array.from(bytes.keys()).filter((length) => parseTcp(bytes.subarray(0, length)))
    t.same(readable, Array.from(bytes.keys()).slice(headerLength))
    t.notOk(readable.some((length) => hasValidChecksum(known(parseIp(packet)), bytes.subarray(0, length))))
  }
  t.end()
})

t.test('a data offset below the header or past the end is none', (t) => {
  for (const words of [0, 4, 10, 15]) {
    const bytes = emittedReply.slice()
    bytes[12] = words << 4
    t.equal(parseTcp(bytes), undefined, `${words} words`)
  }
  t.end()
})

t.test('timestamps are found among other options', (t) => {
  const value = { value: 0x01020304, echo: 0x05060708 }
  const table: readonly [string, string, object | undefined | 'no segment'][] = [
    ['080a 01020304 05060708 00 00', 'first, then the end of the list', value],
    ['01 01 01 01 080a 01020304 05060708 01 01', 'behind no operations', value],
    ['0204 05b4 0402 080a 01020304 05060708 01 0303 0a', 'where Linux puts them in a SYN', value],
    ['fd06 aabbccdd 080a 01020304 05060708', 'behind an option nobody knows', value],
    ['080a 01020304 05060708 080a ffffffff ffffffff', 'twice: the first counts', value],
    ['00 080a 01020304 05060708 00', 'behind the end of the list: not there', undefined],
    ['01 01 01 01', 'no options to speak of', undefined],
    ['0809 01020304 050607 01 01 01', 'of a wrong length', 'no segment'],
    ['080a 01020304 0506', 'past the end of the header', 'no segment'],
    ['fd00 0101', 'behind an option of length 0', 'no segment'],
    ['fd01 0101', 'behind an option of length 1', 'no segment'],
    ['01 01 01 fd', 'behind an option without a length', 'no segment'],
  ]
  for (const [options, what, expected] of table) {
    const segment = parseTcp(withOptions(fromHex(options)))
    t.same(segment ? segment.timestamps : 'no segment', expected, what)
  }
  t.end()
})

t.test('the checksum of captured segments is right, and wrong for another address or one bit more', (t) => {
  for (const packet of [ipv4Syn, ipv4Request, ipv4Fin, ipv6Request]) {
    const ip = known(parseIp(packet))
    t.ok(hasValidChecksum(ip, ip.payload))
    const elsewhere = ip.destination.slice()
    elsewhere[3] = 0x77
    t.notOk(hasValidChecksum({ ...ip, destination: elsewhere }, ip.payload))
    const changed = ip.payload.slice()
    changed[13] = (changed[13] ?? 0) ^ FIN
    t.notOk(hasValidChecksum(ip, changed))
  }
  t.end()
})

t.test('properties', (t) => {
  holds(
    t,
    'any bytes are read without an exception',
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.integer({ min: 5, max: 15 }), (bytes, words) => {
      if (bytes.length > 12) bytes[12] = words << 4
      const segment = parseTcp(bytes)
      return segment === undefined || segment.payload.length === bytes.length - words * 4
    }),
    { numRuns: 2000 },
  )
  holds(
    t,
    'a segment comes back as it was written, with a checksum both implementations hold for right',
    fc.property(envelopes, segments, (addresses, segment) => {
      const bytes = new Uint8Array(tcpLength(segment))
      emitTcp(addresses, segment, bytes)
      const isRight = hasValidChecksum(addresses, bytes) && naiveTcpChecksum(addresses, bytes) === 0
      return isRight && isDeepStrictEqual(parseTcp(bytes), segment)
    }),
  )
  t.end()
})

/** A segment without payload that has these options. */
function withOptions(options: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(20 + options.length)
  bytes.set(options, 20)
  write16(bytes, 12, (bytes.length / 4) << 12)
  return bytes
}
