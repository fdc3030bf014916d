import fc from 'fast-check'
import t from 'tap'
import { read16, write16 } from '../../src/wire/ip.js'
import { emitUdpPacket, parseUdpPacket, replacePayload } from '../../src/wire/udp.js'
import { fromHex } from '../fixtures/hex.js'
import { known } from '../fixtures/known.js'
import { holds } from '../holds.js'
import { envelopes, uint16 } from './arbitraries.js'
import { naiveUdpChecksum } from './naive-checksum.js'

const ipv4 = fromHex(`
  45 00 0021 0000 4000 # version 4, header of 5 words, total length 33, don't fragment
  40 11 b6c6          # time to live 64, UDP, header checksum
  c0000202 c0000201   # from 192.0.2.2 to 192.0.2.1
  9c40 0035 000d 0000 # ports 40000 and 53, length 13, no checksum
  68656c6c6f          # hello
`)
const hello = ipv4.subarray(28)
const ipv6 = emitUdpPacket(
  {
    version: 6,
    source: fromHex('20010db8000000000000000000000002'),
    destination: fromHex('20010db8000000000000000000000001'),
  },
  { sourcePort: 40_000, destinationPort: 53, payload: hello },
)
const datagrams = fc.record({ sourcePort: uint16, destinationPort: uint16, payload: fc.uint8Array({ maxLength: 100 }) })

t.test('parse: a packet gives addresses and datagram; with IPv4 the checksum may be left out', (t) => {
  const datagram = { sourcePort: 40_000, destinationPort: 53, payload: hello }
  t.same(known(parseUdpPacket(ipv4)).datagram, datagram)
  t.same(known(parseUdpPacket(ipv6)).datagram, datagram)
  const without = ipv6.slice()
  write16(without, 46, 0)
  t.equal(parseUdpPacket(without), undefined, 'with IPv6 it may not (RFC 8200, 8.1)')
  t.end()
})

t.test('truncated: a packet cut off anywhere, or of another length than it says, is none', (t) => {
  for (const bytes of [ipv4, ipv6]) {
    const lengths = Array.from(bytes, (_, length) => length)
    t.same(
      lengths.filter((length) => parseUdpPacket(bytes.subarray(0, length))),
      [],
    )
    const shorter = bytes.slice()
    const at = bytes.length - hello.length - 4
    write16(shorter, at, read16(bytes, at) - 1)
    t.equal(parseUdpPacket(shorter), undefined)
  }
  const tcp = ipv4.slice()
  tcp[9] = 6
  t.equal(parseUdpPacket(tcp), undefined, 'another protocol is none')
  t.end()
})

t.test('another payload leaves the header as it came, and a checksum that was left out stays so', (t) => {
  const given = Buffer.from(ipv4)
  const changed = replacePayload(given, known(parseUdpPacket(given)), fromHex('0102030405'))
  t.same(given, Buffer.from(ipv4), 'a packet is a Buffer, and stays as it is')
  t.same(changed, Uint8Array.from([...ipv4.subarray(0, 28), 1, 2, 3, 4, 5]))
  t.throws(() => replacePayload(ipv4, known(parseUdpPacket(ipv4)), hello.subarray(1)), RangeError)
  t.end()
})

holds(
  t,
  'construct: what is written is read, and its checksum is that of RFC 768, never 0',
  fc.property(envelopes, datagrams, fc.context(), (envelope, datagram, context) => {
    const bytes = emitUdpPacket(envelope, datagram)
    const { ip, datagram: read } = known(parseUdpPacket(bytes))
    const blank = ip.payload.slice()
    write16(blank, 6, 0)
    const checksum = read16(ip.payload, 6)
    context.log(`checksum ${checksum}`)
    return (
      checksum === (naiveUdpChecksum(envelope, blank) || 0xffff) &&
      Buffer.compare(read.payload, datagram.payload) === 0 &&
      read.sourcePort === datagram.sourcePort &&
      read.destinationPort === datagram.destinationPort
    )
  }),
)

holds(
  t,
  'another payload gives a packet with a right checksum; a bit more or less gives none',
  fc.property(envelopes, datagrams, fc.nat(), (envelope, datagram, at) => {
    const bytes = emitUdpPacket(envelope, datagram)
    const other = datagram.payload.map((byte) => byte ^ 0x80)
    const changed = replacePayload(bytes, known(parseUdpPacket(bytes)), other)
    const broken = changed.slice()
    // Of ports, length and payload, for a checksum may turn into none.
    const place = bytes.length - 8 - other.length + (at % (6 + other.length))
    const index = at % (6 + other.length) < 6 ? place : place + 2
    broken[index] = (broken[index] ?? 0) ^ 1
    return (
      Buffer.compare(known(parseUdpPacket(changed)).datagram.payload, other) === 0 &&
      parseUdpPacket(broken) === undefined
    )
  }),
)

t.test('a checksum that comes out as 0 is written as all ones', (t) => {
  const envelope = { version: 4 as const, source: new Uint8Array(4), destination: new Uint8Array(4) }
  const payload = new Uint8Array(2)
  const first = emitUdpPacket(envelope, { sourcePort: 0, destinationPort: 0, payload })
  // The sum without a payload of 0; this payload makes it 0xffff.
  write16(payload, 0, read16(first, 26))
  const bytes = emitUdpPacket(envelope, { sourcePort: 0, destinationPort: 0, payload })
  t.equal(read16(bytes, 26), 0xffff)
  t.ok(parseUdpPacket(bytes))
  t.end()
})
