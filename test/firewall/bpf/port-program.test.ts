import fc from 'fast-check'
import t from 'tap'
import { toBytecode } from '../../../src/firewall/bpf/program.js'
import { portProgram } from '../../../src/firewall/bpf/port-program.js'
import { parseIp } from '../../../src/wire/ip.js'
import { emitPacket } from '../../../src/wire/packet.js'
import { ACK, FIN, parseTcp, PSH, RST, SYN } from '../../../src/wire/tcp.js'
import { emitUdpPacket } from '../../../src/wire/udp.js'
import { queryFor } from '../../challenge/dns-01/queries.js'
import { dnsQuery } from '../../fixtures/dns.js'
import { holds } from '../../holds.js'
import { envelopes, segments } from '../../wire/arbitraries.js'
import { parseBytecode, run } from './bpf-interpreter.js'

const program = parseBytecode(toBytecode(portProgram(80, 16_384)))
const v4 = { version: 4, source: Uint8Array.of(192, 0, 2, 2), destination: Uint8Array.of(192, 0, 2, 1) } as const
const segment = {
  sourcePort: 40_000,
  destinationPort: 80,
  sequence: 1,
  acknowledgment: 1,
  flags: ACK,
  window: 1,
  payload: Uint8Array.of(0x47),
}

t.test('TCP from and to the port is taken when it says something, cut to the length asked for', (t) => {
  const bare = { ...segment, payload: new Uint8Array(0) }
  const table = [
    ['a payload', segment, true],
    ['a payload of the server', { ...segment, sourcePort: 80, destinationPort: 40_000 }, true],
    ['another port', { ...segment, destinationPort: 81 }, false],
    ['an acknowledgment', bare, false],
    ['an acknowledgment with timestamps', { ...bare, timestamps: { value: 1, echo: 1 } }, false],
    ['PSH alone', { ...bare, flags: PSH | ACK }, false],
    ['SYN', { ...bare, flags: SYN }, true],
    ['FIN', { ...bare, flags: FIN | ACK }, true],
    ['RST', { ...bare, flags: RST }, true],
  ] as const
  for (const [title, value, isTaken] of table) t.equal(run(program, emitPacket(v4, value)), isTaken ? 16_384 : 0, title)
  t.end()
})

t.test('fragments and other protocols are left out', (t) => {
  t.equal(run(program, emitPacket(v4, segment).with(7, 1)), 0, 'a later fragment')
  t.equal(run(program, emitPacket(v4, segment).with(9, 17)), 0, 'UDP that is no DNS')
  t.equal(run(program, emitPacket(v4, segment).with(0, 0x55)), 0, 'IP version 5')
  t.end()
})

t.test('UDP from and to the port is taken when it asks for a challenge, or answers', (t) => {
  const v6 = { version: 6, source: new Uint8Array(16).fill(1), destination: new Uint8Array(16).fill(2) } as const
  const asked = { sourcePort: 40_000, destinationPort: 80, payload: dnsQuery }
  const table = [
    ['a query, in capitals', asked, true],
    ['a query', { ...asked, payload: queryFor('_acme-challenge.example.com') }, true],
    ['a response', { ...asked, sourcePort: 80, destinationPort: 40_000, payload: dnsQuery.with(2, 0x81) }, true],
    ['another port', { ...asked, destinationPort: 81 }, false],
    ['another name', { ...asked, payload: queryFor('www.example.com') }, false],
    ['a name as long', { ...asked, payload: queryFor('_abcdefghijklmn.example.com') }, false],
    ['nothing', { ...asked, payload: new Uint8Array(0) }, false],
  ] as const
  for (const envelope of [v4, v6]) {
    for (const [title, value, isTaken] of table)
      t.equal(run(program, emitUdpPacket(envelope, value)), isTaken ? 16_384 : 0, `IPv${envelope.version}: ${title}`)
  }
  t.equal(run(program, emitUdpPacket(v4, asked).with(6, 0x20)), 16_384, 'a first fragment')
  t.equal(run(program, emitUdpPacket(v4, asked).with(7, 1)), 0, 'a later fragment')
  t.end()
})

t.test('on any segment the program agrees with a plain reading of it', (t) => {
  const ports = fc.constantFrom(80, 81, 40_000)
  const packet = fc
    .tuple(envelopes, segments, ports, ports)
    .map(([envelope, value, sourcePort, destinationPort]) =>
      emitPacket(envelope, { ...value, sourcePort, destinationPort }),
    )
  const agrees = fc.property(packet, (bytes) => (run(program, bytes) !== 0) === plainReading(bytes))
  holds(t, 'taken exactly where the plain reading says so', agrees, { numRuns: 5_000 })
  const anyBytes = fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => [0, 16_384].includes(run(program, bytes)))
  holds(t, 'any bytes are taken or not', anyBytes, { numRuns: 5_000 })
  t.end()
})

function plainReading(bytes: Uint8Array): boolean {
  const ip = parseIp(bytes)
  const value = ip && parseTcp(ip.payload)
  if (!value || (value.sourcePort !== 80 && value.destinationPort !== 80)) return false
  return value.payload.length > 0 || (value.flags & (FIN | SYN | RST)) !== 0
}
