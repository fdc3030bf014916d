import fc from 'fast-check'
import t from 'tap'
import { LONGEST_HELLO, readClientHello } from '../../../src/wire/tls/tls-hello.js'
import {
  chromiumHello,
  curlHello,
  openssl12Hello,
  opensslHello,
  pebbleAddressHello,
  pebbleHello,
} from '../../fixtures/captured-hellos.js'
import {
  alpnExtension,
  extension,
  firefoxHello,
  helloMessage,
  inRecords,
  join,
  makeHello,
  nameExtension,
  vector,
} from '../../fixtures/hello.js'
import { holds } from '../../holds.js'

const ours = [nameExtension('example.com'), alpnExtension('acme-tls/1')] as const
const asked = { isWhole: true, alpn: ['acme-tls/1'], serverName: 'example.com' }
/** GREASE (RFC 8701): a reserved extension that nobody knows. */
const grease = extension(0x3a3a, Uint8Array.of(0))
const long = extension(51, vector(2, new Uint8Array(1_300)))

t.test('the hellos of real programs tell what they offer and whom they want', (t) => {
  const table = [
    ['openssl, TLS 1.3', opensslHello, { alpn: ['acme-tls/1'], serverName: 'example.com' }],
    ['openssl, TLS 1.2', openssl12Hello, { alpn: ['acme-tls/1'], serverName: 'example.com' }],
    ['curl', curlHello, { alpn: ['h2', 'http/1.1'], serverName: 'example.com' }],
    ['pebble', pebbleHello, { alpn: ['acme-tls/1'], serverName: 'example.com' }],
    ['pebble, an address', pebbleAddressHello, { alpn: ['acme-tls/1'], serverName: '1.0.0.127.in-addr.arpa' }],
    ['chromium', chromiumHello, { alpn: ['h2', 'http/1.1'], serverName: 'example.com' }],
    ['firefox', firefoxHello('a.example', 'h2', 'http/1.1'), { alpn: ['h2', 'http/1.1'], serverName: 'a.example' }],
  ] as const
  for (const [what, hello, expected] of table) t.same(readClientHello(hello), { isWhole: true, ...expected }, what)
  t.ok(chromiumHello.length > 1_460, 'one is longer than a segment')
  t.end()
})

t.test('a hello cut off anywhere is not whole, and what is known of it is true', (t) => {
  for (const hello of [opensslHello, openssl12Hello, pebbleHello, chromiumHello, curlHello]) {
    const { alpn, serverName } = readClientHello(hello) as { alpn?: string[]; serverName?: string }
    const wrong = Array.from(hello, (_, length) => readClientHello(hello.subarray(0, length))).filter(
      (read) =>
        read === 'other' ||
        read.isWhole ||
        (read.alpn && read.alpn.join() !== alpn?.join()) ||
        (read.serverName !== undefined && read.serverName !== serverName),
    )
    t.same(wrong, [])
  }
  t.end()
})

t.test('ALPN and SNI are known as soon as they have come, before the end', (t) => {
  const hello = makeHello({ extensions: [...ours, long] })
  t.same(readClientHello(hello.subarray(0, 200)), { ...asked, isWhole: false })
  const late = makeHello({ extensions: [long, ...ours] })
  t.same(readClientHello(late.subarray(0, 1_350)), { isWhole: false })
  t.same(readClientHello(late), asked)
  t.end()
})

t.test('extensions stand in any order, in any records, with bytes of anything after the message', (t) => {
  const orders = [
    [...ours, grease, long],
    [long, grease, ours[1], ours[0]],
    [grease, ours[1], long, ours[0]],
  ]
  for (const extensions of orders) {
    for (const records of [[], [1], [2, 3], [100], [60, 1_300], Array<number>(1_500).fill(1)]) {
      const hello = makeHello({ extensions, records })
      t.same(readClientHello(hello), asked)
      t.same(readClientHello(join([hello, Uint8Array.of(0x17, 3, 3, 0, 9)])), asked)
    }
  }
  t.end()
})

t.test('a hello without ALPN, without SNI, without any extension', (t) => {
  t.same(readClientHello(makeHello({ extensions: [grease] })), { isWhole: true })
  t.same(readClientHello(makeHello({ extensions: [] })), { isWhole: true })
  t.same(readClientHello(makeHello({})), { isWhole: true })
  t.same(readClientHello(makeHello({ extensions: [ours[1]] })), { isWhole: true, alpn: ['acme-tls/1'] })
  t.same(readClientHello(makeHello({ extensions: [ours[0]], sessionId: new Uint8Array(0) })), {
    isWhole: true,
    serverName: 'example.com',
  })
  t.same(readClientHello(new Uint8Array(0)), { isWhole: false })
  t.end()
})

t.test('anything else is other, as soon as that is certain', (t) => {
  const message = helloMessage({ extensions: ours })
  const changed = (at: number, value: number) => {
    const bytes = inRecords(message)
    bytes[at] = value
    return bytes
  }
  const bare = (...bytes: number[]) => Uint8Array.from(bytes)
  const withExtension = (...extensions: Uint8Array[]) => makeHello({ extensions })
  const listed = (type: number, ...bytes: number[]) => withExtension(extension(type, Uint8Array.from(bytes)))
  const table = [
    ['HTTP', Uint8Array.from(Buffer.from('GET / HTTP/1.1'))],
    ['SSL 2', bare(0x80)],
    ['application data', bare(0x17)],
    ['another major version', bare(0x16, 2)],
    ['a version of the future', bare(0x16, 3, 5)],
    ['an empty record', bare(0x16, 3, 1, 0, 0)],
    ['a record that is too long', bare(0x16, 3, 1, 0x40, 1)],
    ['another message', bare(0x16, 3, 1, 0, 5, 2)],
    ['a message that is too long', bare(0x16, 3, 1, 0x10, 0, 1, 0, 0x40, 0)],
    ['a message that is too short', bare(0x16, 3, 1, 0, 9, 1, 0, 0, 33)],
    ['a message of another version', changed(9, 2)],
    ['a session id past the end', changed(43, 0xff)],
    ['extensions that end before the message', changed(5 + 4 + 34 + 33 + 6 + 2 + 1, 1)],
    ['one byte after the methods', inRecords(join([bare(1, 0, 0, 40 + 34), new Uint8Array(75).fill(3, 0, 1)]))],
    ['no protocol', listed(16, 0, 0)],
    ['an empty protocol', listed(16, 0, 1, 0)],
    ['a protocol past its list', listed(16, 0, 2, 2, 65)],
    ['a list past its extension', listed(16, 0, 3, 1, 65)],
    ['bytes after the list', listed(16, 0, 2, 1, 65, 0)],
    ['no name', listed(0)],
    ['an empty list of names', listed(0, 0, 0)],
    ['an empty name', listed(0, 0, 3, 0, 0, 0)],
    ['another type of name', listed(0, 0, 4, 1, 0, 1, 65)],
    ['two names', withExtension(nameExtension('a', 'b'))],
    ['ALPN twice', withExtension(...ours, ours[1])],
    ['SNI twice', withExtension(...ours, ours[0])],
    ['a record of another type in between', join([inRecords(message.subarray(0, 50)), bare(0x17)])],
  ] as const
  for (const [what, bytes] of table) t.equal(readClientHello(bytes), 'other', what)
  t.end()
})

t.test('a hello in so many records that it is too long is other at the limit, not before', (t) => {
  const extensions = [extension(21, new Uint8Array(3_000)), ...ours]
  const stream = inRecords(helloMessage({ extensions }), Array<number>(3_200).fill(1))
  t.same(readClientHello(stream.subarray(0, LONGEST_HELLO - 1)), { isWhole: false })
  t.equal(readClientHello(stream.subarray(0, LONGEST_HELLO)), 'other')
  t.end()
})

t.test('a hello that says it is longer than the limit is other at once', (t) => {
  const saying = (length: number) =>
    readClientHello(Uint8Array.of(0x16, 3, 1, 1, 0, 1, length >> 16, (length >> 8) & 0xff, length & 0xff))
  const heads = 5 + 4
  t.same(saying(LONGEST_HELLO - heads), { isWhole: false })
  t.equal(saying(LONGEST_HELLO - heads + 1), 'other')
  t.equal(saying(0x10000), 'other')
  t.end()
})

t.test('properties', (t) => {
  holds(
    t,
    'bytes of anything never throw, and what is other stays other',
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.uint8Array({ maxLength: 20 }), (bytes, more) => {
      const start = join([Uint8Array.of(0x16, 3, 1, 0, 90, 1, 0, 0, 80), bytes])
      return [bytes, start].every(
        (stream) => readClientHello(stream) !== 'other' || readClientHello(join([stream, more])) === 'other',
      )
    }),
    { numRuns: 2_000 },
  )
  holds(
    t,
    'one changed byte never throws, and never makes a cut hello whole',
    fc.property(
      fc.constantFrom(opensslHello, pebbleHello, chromiumHello),
      fc.nat(),
      fc.nat(255),
      fc.nat(),
      (hello, at, value, cut) => {
        const bytes = hello.slice()
        bytes[at % bytes.length] = value
        const [start, whole] = [readClientHello(bytes.subarray(0, cut % bytes.length)), readClientHello(bytes)]
        return start === 'other' ? whole === 'other' : !start.isWhole || JSON.stringify(start) === JSON.stringify(whole)
      },
    ),
    { numRuns: 2_000 },
  )
  t.end()
})
