import fc from 'fast-check'
import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { read16, resizeIp, parseIp, write16 } from '../../src/wire/ip.js'
import { emitPacket, parsePacket, turnIntoReset } from '../../src/wire/packet.js'
import { ACK, PSH, RST } from '../../src/wire/tcp.js'
import { ipv4Conversation, ipv6Conversation } from '../fixtures/captured-conversations.js'
import { capturedRequest, ipv4Request, ipv4Syn, ipv6Request } from '../fixtures/captured.js'
import { fromHex, fromText } from '../fixtures/hex.js'
import { known } from '../fixtures/known.js'
import { holds } from '../holds.js'
import { envelopes, segments, uint32 } from './arbitraries.js'
import { naiveChecksum, naiveTcpChecksum } from './naive-checksum.js'

const captured = [...ipv4Conversation, ...ipv6Conversation].map(({ bytes }) => bytes)

const resetIpv4 = fromHex(`
  45 00 0028          # version 4, header of 5 words, service 0, total length 40
  efd5 4000           # identification as it came, don't fragment
  40 06 c6f6          # time to live 64, TCP, header checksum
  c0000202            # from 192.0.2.2
  c0000201            # to 192.0.2.1
  cbd2 0050           # from port 52178 to port 80
  1269dfc0            # sequence number, 11 further than the packet's
  00000000            # acknowledgment number: none
  50 04 0000          # header of 5 words, RST, window 0
  6d90 0000           # checksum, urgent pointer
`)

const resetIpv6 = fromHex(`
  6 00 3e273          # version 6, traffic class 0, flow label as it came
  0014 06 40          # payload length 20, TCP, hop limit 64
  20010db8000000000000000000000002 # from 2001:db8::2
  20010db8000000000000000000000001 # to 2001:db8::1
  9d58 0050           # from port 40280 to port 80
  e8a67adb            # sequence number of the packet
  00000000            # acknowledgment number: none
  50 04 0000          # header of 5 words, RST, window 0
  5341 0000           # checksum, urgent pointer
`)

t.test('parse: a captured packet gives header and segment', (t) => {
  for (const bytes of [ipv4Request, ipv6Request]) {
    const packet = known(parsePacket(bytes))
    t.equal(packet.segment.destinationPort, 80)
    t.equal(packet.segment.flags, PSH | ACK)
    t.same(packet.segment.payload, fromText(capturedRequest))
  }
  t.equal(captured.filter(parsePacket).length, 20, 'every packet of both conversations is readable')
  t.end()
})

t.test(
  'construct: captured packets that have only the options we write come out as they were, but for the fields we choose',
  (t) => {
    for (const bytes of captured) {
      const { ip, segment } = known(parsePacket(bytes))
      const written = emitPacket(ip, segment)
      if (bytes[ip.headerLength + 12] !== 0x80) continue
      t.same(written.subarray(ip.headerLength), ip.payload)
    }
    t.end()
  },
)

t.test('truncated: a packet cut off anywhere is none', (t) => {
  for (const bytes of [ipv4Request, ipv6Request, ipv4Syn]) {
    t.same(
      Array.from(bytes.keys()).filter((length) => parsePacket(bytes.subarray(0, length))),
      [],
    )
  }
  t.end()
})

t.test('truncated: a packet whose IP header says so too is none', (t) => {
  for (const bytes of [ipv4Request, ipv6Request, ipv4Syn]) {
    const ip = known(parseIp(bytes))
    const readable = Array.from(ip.payload.keys()).filter((length) => {
      const shorter = bytes.slice(0, ip.headerLength + length)
      resizeIp(shorter, ip, length)
      return parsePacket(shorter)
    })
    t.same(readable, [])
  }
  t.end()
})

t.test('another protocol than TCP is none', (t) => {
  const udp = ipv4Request.slice()
  udp[9] = 17
  t.equal(parsePacket(udp), undefined)
  const fragmented = ipv6Request.slice()
  fragmented[6] = 44
  t.equal(parsePacket(fragmented), undefined)
  t.end()
})

t.test('a wrong checksum: every single bit of a captured segment counts', (t) => {
  for (const bytes of [ipv4Request, ipv6Request, ipv4Syn]) {
    const { headerLength } = known(parseIp(bytes))
    const accepted: number[] = []
    for (let bit = headerLength * 8; bit < bytes.length * 8; bit++)
      if (parsePacket(withBitFlipped(bytes, bit))) accepted.push(bit)
    t.same(accepted, [])
  }
  t.end()
})

t.test('a packet becomes a bare RST of its connection', (t) => {
  const four = known(parsePacket(ipv4Request))
  t.same(turnIntoReset(ipv4Request, four, four.segment.sequence + 11), resetIpv4)
  const six = known(parsePacket(ipv6Request))
  t.same(turnIntoReset(ipv6Request, six, six.segment.sequence), resetIpv6)
  t.end()
})

t.test('a RST keeps the IP header it came with: service, identification, options', (t) => {
  const options = fromHex('94 04 00 00 01 01 01 00') // Router alert, three no operations, end
  const bytes = Uint8Array.from([...ipv4Request.subarray(0, 20), ...options, ...ipv4Request.subarray(20)])
  bytes[0] = 0x47
  bytes[1] = 0xb9
  bytes[8] = 3
  write16(bytes, 2, bytes.length)
  const reset = turnIntoReset(bytes, known(parsePacket(bytes)), 7)
  t.equal(reset.length, 28 + 20)
  t.equal(read16(reset, 2), 48)
  t.same([...reset.subarray(0, 2), ...reset.subarray(4, 10)], [...bytes.subarray(0, 2), ...bytes.subarray(4, 10)])
  t.same(reset.subarray(12, 28), bytes.subarray(12, 28))
  t.equal(naiveChecksum(reset.subarray(0, 28)), 0)
  t.match(parsePacket(reset)?.segment, { flags: RST, sequence: 7, sourcePort: 52_178 })
  t.end()
})

t.test('making a RST leaves the packet as it was', (t) => {
  const bytes = ipv4Request.slice()
  turnIntoReset(bytes, known(parsePacket(bytes)), 7)
  t.same(bytes, ipv4Request)
  t.end()
})

t.test('properties', (t) => {
  holds(
    t,
    'any bytes are read without an exception',
    fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => parsePacket(bytes) === undefined),
  )
  holds(
    t,
    'captured packets with anything written over them are read without an exception',
    fc.property(
      fc.constantFrom(...captured),
      fc.array(fc.tuple(fc.nat(100), fc.nat(255)), { maxLength: 6 }),
      (bytes, changes) => {
        const changed = bytes.slice()
        for (const [at, byte] of changes) changed[at % changed.length] = byte
        const packet = parsePacket(changed)
        return packet === undefined || naiveTcpChecksum(packet.ip, packet.ip.payload) === 0
      },
    ),
    { numRuns: 2000 },
  )
  holds(
    t,
    'a packet comes back as it was written',
    fc.property(envelopes, segments, (envelope, segment) => {
      const packet = known(parsePacket(emitPacket(envelope, segment)))
      return isDeepStrictEqual(packet.segment, segment) && isDeepStrictEqual(packet.ip.source, envelope.source)
    }),
  )
  holds(
    t,
    'a packet with one bit of its segment flipped is none',
    fc.property(envelopes, segments, fc.nat(), (envelope, segment, anywhere) => {
      const bytes = emitPacket(envelope, segment)
      const start = envelope.version === 4 ? 160 : 320
      return parsePacket(withBitFlipped(bytes, start + (anywhere % (bytes.length * 8 - start)))) === undefined
    }),
    { numRuns: 2000 },
  )
  holds(
    t,
    'any packet becomes a RST that is right by the naive checksum',
    fc.property(envelopes, segments, uint32, (envelope, segment, sequence) => {
      const bytes = emitPacket(envelope, segment)
      const { ip, segment: reset } = known(parsePacket(turnIntoReset(bytes, known(parsePacket(bytes)), sequence)))
      const isBare =
        reset.flags === RST && reset.payload.length === 0 && !reset.timestamps && reset.sequence === sequence
      return isBare && naiveTcpChecksum(ip, ip.payload) === 0 && isDeepStrictEqual(ip.source, envelope.source)
    }),
  )
  t.end()
})

function withBitFlipped(bytes: Uint8Array, bit: number): Uint8Array {
  const changed = bytes.slice()
  changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (0x80 >> (bit & 7))
  return changed
}
