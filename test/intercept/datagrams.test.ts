import t from 'tap'
import { dns01Datagrams } from '../../src/challenge/dns-01/datagrams.js'
import { decideDatagram } from '../../src/intercept/datagrams.js'
import { read16, write16 } from '../../src/wire/ip.js'
import { emitUdpPacket, parseUdpPacket } from '../../src/wire/udp.js'
import { parseAddress } from '../../src/wire/address.js'
import { dnsName, dnsQuery } from '../fixtures/dns.js'
import { known } from '../fixtures/known.js'
import { queryFor, valuesIn } from '../challenge/dns-01/queries.js'
import { ipv4Request } from '../fixtures/captured.js'

const value = 'gfj9Xq-Rg85nM3xPh5Qs_1'
const services = [dns01Datagrams({ valuesOf: (name) => (name === dnsName ? [value] : []) })]
const ends = {
  4: { version: 4 as const, source: parseAddress('192.0.2.2'), destination: parseAddress('192.0.2.1') },
  6: { version: 6 as const, source: parseAddress('2001:db8::2'), destination: parseAddress('2001:db8::1') },
}
const packet = (version: 4 | 6, payload: Uint8Array) =>
  emitUdpPacket(ends[version], { sourcePort: 40_000, destinationPort: 5_353, payload })

for (const version of [4, 6] as const)
  t.test(
    `IPv${version}: a query goes on to the server as a response, and its answer comes from the server’s end`,
    (t) => {
      const query = packet(version, dnsQuery)
      const { verdict, replies, events } = known(decideDatagram(services, query))
      const onward = known(parseUdpPacket(known(typeof verdict === 'object' ? verdict.replace : undefined)))
      t.same(onward.ip.source, ends[version].source)
      t.equal(onward.datagram.destinationPort, 5_353)
      t.equal(onward.datagram.payload[2], 0x81)
      t.equal(replies.length, 1)
      const reply = known(parseUdpPacket(known(replies[0])))
      t.same(reply.ip.source, ends[version].destination)
      t.same(reply.ip.destination, ends[version].source)
      t.same([reply.datagram.sourcePort, reply.datagram.destinationPort], [5_353, 40_000])
      t.same(valuesIn(reply.datagram.payload), [value])
      if (version === 4) t.equal(read16(known(replies[0]), 6), 0, 'it may be fragmented on its way (RFC 791, 3.1)')
      const shorter = known(parseUdpPacket(known(decideDatagram(services, query)?.shorter)()))
      t.same(shorter.datagram.payload.subarray(2, 4), [0x87, 0], 'the shorter one says that it is truncated')
      t.same(shorter.datagram.payload.subarray(12), query.subarray(query.length - dnsQuery.length + 12))
      t.match(events, [
        { kind: 'answered', key: dnsName, client: ends[version].source, clientPort: 40_000, transport: 'udp' },
      ])
      t.end()
    },
  )

t.test('what is not armed passes and is told, what is for no service is nobody’s', (t) => {
  const stray = known(decideDatagram(services, packet(4, queryFor('_acme-challenge.example.net'))))
  t.match(stray, { verdict: 'accept', replies: [], events: [{ kind: 'unknownToken' }] })
  t.equal(decideDatagram(services, packet(4, queryFor('example.com'))), undefined)
  t.equal(decideDatagram(services, ipv4Request), undefined)
  t.equal(decideDatagram([], packet(4, dnsQuery)), undefined)
  const broken = packet(4, dnsQuery)
  broken[40] = 0xff
  t.equal(decideDatagram(services, broken), undefined, 'a wrong checksum')
  t.end()
})

t.test('a fragment is the server’s, the first one too', (t) => {
  const [four, six] = [packet(4, dnsQuery), packet(6, dnsQuery)]
  for (const field of [0x2000, 0x0003]) {
    const fragment = four.slice()
    write16(fragment, 6, field)
    t.equal(decideDatagram(services, fragment), undefined)
  }
  const header = Uint8Array.from([17, 0, 0, 1, 0, 0, 0, 1])
  const fragment = Uint8Array.from([...six.subarray(0, 40), ...header, ...six.subarray(40)])
  fragment[6] = 44
  write16(fragment, 4, read16(six, 4) + header.length)
  t.equal(decideDatagram(services, fragment), undefined)
  t.end()
})

t.test('a query without data to give is answered, but is no visit', (t) => {
  const { replies, events } = known(decideDatagram(services, packet(6, queryFor(dnsName, 1))))
  t.equal(replies.length, 1)
  t.same(events, [])
  t.end()
})
