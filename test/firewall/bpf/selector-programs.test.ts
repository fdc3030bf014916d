import fc from 'fast-check'
import t from 'tap'
import { dns01Selectors } from '../../../src/challenge/dns-01/selector.js'
import { http01Selector } from '../../../src/challenge/http-01/selector.js'
import { assemble, toBytecode, type Program } from '../../../src/firewall/bpf/program.js'
import {
  beginsProgram,
  COMPARED_KEY_LENGTH,
  differsProgram,
  keyProgram,
  KEYS_A_PROGRAM,
  reachesProgram,
  wholeProgram,
} from '../../../src/firewall/bpf/selector-programs.js'
import { keyOffset, maskAt, type Selector, type Start } from '../../../src/wire/selector.js'
import { tlsAlpn01Selector } from '../../../src/challenge/tls-alpn-01/selector.js'
import { holds } from '../../holds.js'
import { alpnExtension, extension, helloMessage, inRecords, join, nameExtension } from '../../fixtures/hello.js'
import { chromiumHello, openssl12Hello, pebbleHello } from '../../fixtures/captured-hellos.js'
import { parseBytecode, run } from './bpf-interpreter.js'

const families = [4, 6] as const
type Family = (typeof families)[number]

const path = '/.well-known/acme-challenge/'
const armed = 'evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA'
const requests = ['GET', 'HEAD'].map((method) => `${method} ${path}${armed} HTTP/1.1\r\n`)
const http01 = http01Selector([80], [armed])

/** A masked start in the middle of the payload, as DNS has it, and a short one. */
const masked: Selector = {
  transport: 'tcp',
  ports: [53],
  starts: [
    { offset: 3, bytes: bytes('_Acme-C'), mask: Uint8Array.of(0xff, 0xdf, 0xdf, 0xdf, 0xdf, 0, 0xf0) },
    { offset: 0, bytes: bytes('\x16\x03') },
  ],
  keys: [bytes('0123456789abcdef'), bytes('\xff\xfe\xfd\xfc            ')],
}
const datagrams: Selector = { ...masked, transport: 'udp' }
const selectors = { http01, masked, datagrams }

/** What a payload is: as a whole ruleset tells it, chain after chain. */
type Kind = 'other' | 'armed' | 'unarmed' | 'incomplete'

const kindBy = Object.fromEntries(
  Object.entries(selectors).map(([name, selector]) => [
    name,
    { 4: kindByPrograms(selector, 4), 6: kindByPrograms(selector, 6) },
  ]),
) as Record<keyof typeof selectors, Record<Family, (data: Uint8Array) => Kind>>

t.test('every program fits into a rule, for both families', async (t) => {
  const keys = Array.from({ length: KEYS_A_PROGRAM }, () => Uint8Array.of(0xff, 0xff, 0xff, 0xff))
  for (const family of families)
    for (const { transport, starts } of Object.values(selectors))
      for (const start of starts) {
        const programs = [
          beginsProgram(family, transport, starts),
          differsProgram(family, transport, start),
          keyProgram(family, transport, start, keys),
          reachesProgram(family, transport, start, 4),
        ]
        t.ok(programs.every((program) => assemble(program).length <= 64 && toBytecode(program).length < 1024))
      }
})

t.test('a request is picked from its first byte to any length, behind every header length', async (t) => {
  t.same(
    disagreements(
      everyHeader(function* () {
        for (const request of requests)
          for (let length = 0; length <= 64; length += 1) yield bytes(request.slice(0, length))
      }),
      ({ payload }) => {
        const start = path.length + (payload[0] === 0x47 ? 4 : 5)
        if (payload.length === 0) return 'other'
        return payload.length < start + COMPARED_KEY_LENGTH ? 'incomplete' : 'armed'
      },
    ),
    [],
  )
})

t.test('one wrong byte is noticed at each position that a program compares', async (t) => {
  t.same(
    disagreements(
      everyHeader(function* () {
        for (const request of requests)
          for (let length = 1; length <= 64; length += 1) {
            for (let position = 0; position < length; position += 1) {
              const payload = bytes(request.slice(0, length))
              payload[position] = 0x01 ^ (payload[position] ?? 0)
              yield payload
            }
          }
      }),
      ({ payload }) => plainKind(http01, payload),
    ),
    [],
  )
})

t.test('a token is told by its first four characters', async (t) => {
  for (const family of families)
    for (const method of ['GET', 'HEAD']) {
      const kind = (token: string) => kindOf(packet({ family, payload: bytes(`${method} ${path}${token} HTTP/1.1`) }))
      t.equal(kind(armed), 'armed')
      t.equal(kind(`${armed.slice(0, 4)}-other`), 'armed', 'the responder sees the difference')
      for (const at of [0, 1, 2, 3])
        t.equal(kind(`${armed.slice(0, at)}.${armed.slice(at + 1)}`), 'unarmed', `character ${at}`)
    }
})

t.test('with every key that a program holds, each is found, and none beside them', async (t) => {
  const keys = Array.from({ length: KEYS_A_PROGRAM }, (_, index) => bytes(`${index + 10}-a-token-of-many`))
  const [start] = http01.starts
  if (!start) throw new Error('http-01 has starts')
  const matched = (text: string) =>
    run(parsed(keyProgram(4, 'tcp', start, keys)), packet({ family: 4, payload: bytes(`GET ${path}${text}`) }).data)
  for (const key of keys) t.equal(matched(Buffer.from(key).toString()), 1)
  t.same([matched(`${KEYS_A_PROGRAM + 10}-a-`), matched('10-')], [0, 0])
})

t.test('other requests and texts are not picked', async (t) => {
  const others = [
    'GET / HTTP/1.1\r\n',
    'POST /.well-known/acme-challenge/x HTTP/1.1\r\n',
    'GET  /.well-known/acme-challenge/',
    'get /.well-known/acme-challenge/',
    'GET /.well-known/security.txt HTTP/1.1',
    'GET /.well-known/acme-challengex',
    'HGET /.well-known/acme-challenge/',
    'EAD /.well-known/acme-challenge/',
    'HEADS/.well-known/acme-challenge/',
    'HEAD/.well-known/acme-challenge/',
    'E',
    'GT',
    'HA',
    'GEA',
    'HET',
    'GEX',
    'HEAX',
    'GETX',
    '\r\nGET /.well-known/acme-challenge/',
  ]
  for (const family of families)
    for (const text of others)
      t.equal(kindOf(packet({ family, payload: bytes(text) })), 'other', `IPv${family}: ${JSON.stringify(text)}`)
})

t.test('most requests end at the first program, which is what every packet meets', async (t) => {
  const begins = parsed(beginsProgram(4, 'tcp', http01.starts))
  const meets = (text: string) => run(begins, packet({ family: 4, payload: bytes(text) }).data) !== 0
  for (const text of ['', 'GET / HTTP/1.1', 'GET /.git/config', 'HEAD / HTTP/1.1', 'x', '\x16\x03\x01'])
    t.notOk(meets(text), JSON.stringify(text))
  for (const text of ['G', 'GET /.w', 'GET /.well-known/security.txt', requests[1] ?? ''])
    t.ok(meets(text), JSON.stringify(text))
})

t.test('a data offset below 5 is not a match, even if a request stands where it points', async (t) => {
  for (const family of families)
    for (const dataOffset of [4, 5]) {
      const tempting = packet({ family, dataOffset, payload: bytes(requests.join('')) })
      tempting.data.set(bytes(requests[0] ?? ''), (family === 4 ? 20 : 40) + dataOffset * 4)
      t.equal(kindOf(tempting), dataOffset === 5 ? 'armed' : 'other', `IPv${family}, offset ${dataOffset}`)
    }
})

t.test('a data offset at or past the end of the packet is not a match', async (t) => {
  for (const family of families)
    for (let dataOffset = 0; dataOffset <= 15; dataOffset += 1) {
      // 20 bytes of header and 13 of payload: offset 8 leaves one byte, a G, which may become a request.
      t.equal(
        kindOf(packet({ family, dataOffset, payload: bytes('GGGGGGGGGGGGG') })),
        dataOffset === 8 ? 'incomplete' : 'other',
        `IPv${family}, offset ${dataOffset}`,
      )
    }
})

t.test('only the transport asked for is looked at, and only the fragment that has the header', async (t) => {
  const payload = bytes(requests.join(''))
  for (let protocol = 0; protocol <= 255; protocol += 1)
    for (const family of families) {
      if ((kindOf(packet({ family, protocol, payload })) === 'armed') !== (protocol === 6))
        t.fail(`IPv${family}, protocol ${protocol}`)
    }
  t.equal(kindOf(packet({ family: 4, protocol: 17, payload })), 'other', 'UDP')
  for (const flags of [0x0000, 0x2000, 0x4000, 0x8000])
    t.equal(kindOf(packet({ family: 4, fragment: flags, payload })), 'armed', `flags ${flags.toString(16)}, offset 0`)
  for (let bit = 1; bit <= 0x1000; bit *= 2)
    t.equal(kindOf(packet({ family: 4, fragment: bit, payload })), 'other', `fragment offset ${bit}`)
})

t.test('bits that do not count may be anything, and a start may stand anywhere', async (t) => {
  const text = 'xyz_aCME?D0123456789abcdef'
  for (const family of families) {
    const tcp = (payload: string) => kindBy.masked[family](packet({ family, payload: bytes(payload) }).data)
    t.same(
      [
        text,
        'xyz_ACMEzO0123',
        'xyz_ACMEzO9123',
        'xyz_ACMEzPx',
        'xyz?',
        'xy',
        '',
        '\x16\x03\xff\xfe\xfd\xfc',
        '\x16',
      ].map(tcp),
      ['armed', 'armed', 'unarmed', 'other', 'other', 'incomplete', 'other', 'armed', 'incomplete'],
    )
    const udp = (payload: string) =>
      kindBy.datagrams[family](packet({ family, protocol: 17, payload: bytes(payload) }).data)
    t.same(
      [text, 'xyz_ACMEzO9123', 'xyz_ACMEzO912', 'xy', '\x16\x03\xff\xfe\xfd\xfc', '\x16'].map(udp),
      ['armed', 'unarmed', 'other', 'other', 'armed', 'other'],
      'a datagram is whole',
    )
  }
})

t.test('on any bytes the programs agree with a plain reading of the packet', async (t) => {
  const text = fc.constantFrom(
    ...requests,
    ...requests.map((request) => request.replace(armed, 'another')),
    'xyz_aCME?D0123456789abcdef',
    '\x16\x03\xff\xfe\xfd\xfc',
  )
  const payloads = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    fc.tuple(text, fc.nat(70), fc.nat(70), fc.nat(255)).map(([request, length, position, byte]) => {
      const payload = bytes(request.slice(0, length))
      if (position < payload.length) payload[position] = byte
      return payload
    }),
  )
  const shaped = fc
    .record({
      family: fc.constantFrom(...families),
      payload: payloads,
      headerWords: fc.integer({ min: 5, max: 15 }),
      dataOffset: fc.nat(15),
      optionBytes: fc.nat(44),
      protocol: fc.constantFrom(6, 6, 6, 17, 17),
      fragment: fc.constantFrom(0, 0, 0x4000, 0x2000, 0x0001),
    })
    .map(packet)
  const random = fc.tuple(fc.constantFrom(...families), fc.uint8Array({ maxLength: 160 })).map(([family, data]) => {
    // The kernel has dropped IPv4 header lengths below 5 before netfilter sees a packet.
    if (data[0] !== undefined && data[0] % 16 < 5) data[0] += 5
    return { family, data, payload: new Uint8Array() }
  })
  for (const [name, selector] of Object.entries(selectors) as [keyof typeof selectors, Selector][]) {
    const agrees = fc.property(
      fc.oneof(shaped, random),
      ({ family, data }) => kindBy[name][family](data) === plainReading(selector, { family, data }),
    )
    holds(t, `${name}: the same kind as the plain reading finds`, agrees, { numRuns: 20_000 })
  }
})

interface Shape {
  readonly family: Family
  readonly payload: Uint8Array
  readonly headerWords?: number
  readonly optionBytes?: number
  readonly dataOffset?: number
  readonly protocol?: number
  readonly fragment?: number
}

interface Packet {
  readonly family: Family
  readonly data: Uint8Array
  readonly payload: Uint8Array
}

/**
 * Every byte that carries no meaning here is a `G`: a program that looks in the wrong place finds the start of a
 * request.
 */
function packet({
  family,
  payload,
  headerWords = 5,
  optionBytes = 0,
  dataOffset = 5 + optionBytes / 4,
  protocol = 6,
  fragment = 0,
}: Shape): Packet {
  const tcp = family === 4 ? headerWords * 4 : 40
  const header = protocol === 17 ? 8 : 20 + optionBytes
  const data = new Uint8Array(tcp + header + payload.length).fill(0x47)
  if (family === 4) {
    data[0] = 0x40 + headerWords
    new DataView(data.buffer).setUint16(6, fragment)
  }
  data[family === 4 ? 9 : 6] = protocol
  if (protocol !== 17) data[tcp + 12] = dataOffset * 16 + 0x0f
  data.set(payload, tcp + header)
  return { family, data, payload }
}

/** The payloads in IPv6 and behind every IPv4 header length, each with every length of TCP options. */
function* everyHeader(payloads: () => Iterable<Uint8Array>): Iterable<Packet> {
  for (const payload of payloads())
    for (let optionBytes = 0; optionBytes <= 40; optionBytes += 4) {
      yield packet({ family: 6, payload, optionBytes })
      for (let headerWords = 5; headerWords <= 15; headerWords += 1)
        yield packet({ family: 4, payload, optionBytes, headerWords })
    }
}

/** The first few packets on which the programs and the expectation differ; one assertion instead of a million. */
function disagreements(packets: Iterable<Packet>, expected: (packet: Packet) => Kind): string[] {
  const found: string[] = []
  for (const candidate of packets) {
    if (kindOf(candidate) !== expected(candidate))
      found.push(`IPv${candidate.family} ${Buffer.from(candidate.data).toString('latin1')}`)
    if (found.length === 5) break
  }
  return found
}

function kindOf({ family, data }: Packet): Kind {
  return kindBy.http01[family](data)
}

/** Runs the programs in the order in which the rules ask for them. */
function kindByPrograms({ transport, starts, keys }: Selector, family: Family): (data: Uint8Array) => Kind {
  if (keys === 'any') throw new Error('a selector with keys')
  const begins = parsed(beginsProgram(family, transport, starts))
  const each = starts.map((start) => ({
    differs: parsed(differsProgram(family, transport, start)),
    hasKey: parsed(keyProgram(family, transport, start, keys)),
    reaches: parsed(reachesProgram(family, transport, start, COMPARED_KEY_LENGTH)),
  }))
  return (data) => {
    if (run(begins, data) === 0) return 'other'
    for (const { differs, hasKey, reaches } of each) {
      if (run(differs, data) !== 0) continue
      if (run(hasKey, data) !== 0) return 'armed'
      if (run(reaches, data) !== 0) return 'unarmed'
      if (transport === 'tcp') return 'incomplete'
    }
    return 'other'
  }
}

function parsed(program: Program) {
  return parseBytecode(toBytecode(program))
}

function plainReading(selector: Selector, { family, data }: Omit<Packet, 'payload'>): Kind {
  const header = family === 4 ? ((data[0] ?? 0) & 0x0f) * 4 : 40
  const isFragment = family === 4 && (((data[6] ?? 0) & 0x1f) !== 0 || data[7] !== 0)
  const dataOffset = (data[header + 12] ?? 0) >> 4
  const isTcp = selector.transport === 'tcp'
  if (data[family === 4 ? 9 : 6] !== (isTcp ? 6 : 17) || isFragment || (isTcp && dataOffset < 5)) return 'other'
  return plainKind(selector, data.subarray(header + (isTcp ? dataOffset * 4 : 8)))
}

/** The documented meaning: the first four bytes of a start, whole words after them, and what is left over. */
function plainKind({ transport, starts, keys }: Selector, payload: Uint8Array): Kind {
  for (const start of starts) {
    if (payload.length === 0 || !isLike(start, payload)) continue
    const key = payload.subarray(keyOffset(start), keyOffset(start) + COMPARED_KEY_LENGTH)
    if (key.length === COMPARED_KEY_LENGTH)
      return keys === 'any' || keys.some((one) => Buffer.compare(key, one.subarray(0, COMPARED_KEY_LENGTH)) === 0)
        ? 'armed'
        : 'unarmed'
    if (transport === 'tcp') return 'incomplete'
  }
  return 'other'
}

function isLike(start: Start, payload: Uint8Array): boolean {
  const { offset } = start
  const { length } = start.bytes
  const reached = Math.min(Math.max(0, payload.length - offset), length)
  // What is left over of the whole start is compared byte by byte; of an unfinished one it is left out.
  const lastWord = 4 + Math.floor((length - 4) / 4) * 4
  const compared = reached <= 4 || reached > lastWord ? reached : reached - (reached % 4)
  return [...start.bytes.subarray(0, compared)].every(
    (byte, at) => (((payload[offset + at] ?? 0) ^ byte) & maskAt(start, at)) === 0,
  )
}

function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'))
}

t.test('the starts of all challenge types fit into one program', (t) => {
  const all = [
    http01Selector([80], []),
    ...dns01Selectors([53], ['_acme-challenge.example.com']),
    tlsAlpn01Selector([443]),
  ]
  const starts = all.flatMap(({ transport, starts }) => (transport === 'tcp' ? starts : []))
  for (const family of families) {
    const program = beginsProgram(family, 'tcp', starts)
    t.ok(assemble(program).length <= 64 && toBytecode(program).length < 1024)
  }
  t.end()
})

t.test('a ClientHello is whole when its record has all of it, and the payload has all of its record', (t) => {
  const { transport, contains } = tlsAlpn01Selector([443])
  const long = helloMessage({ extensions: [extension(21, new Uint8Array(60_000)), nameExtension('a')] })
  const message = helloMessage({ extensions: [nameExtension('example.com'), alpnExtension('h2')] })
  for (const family of families) {
    const program = parseBytecode(toBytecode(wholeProgram(family, transport, contains?.lengths ?? [])))
    const isWhole = (payload: Uint8Array, optionBytes = 0) =>
      run(program, packet({ family, payload, optionBytes }).data) === 1
    for (const hello of [pebbleHello, openssl12Hello, chromiumHello]) {
      t.ok(isWhole(hello))
      t.ok(isWhole(hello, 12), 'after TCP options')
      t.ok(isWhole(join([hello, Uint8Array.of(0x17)])), 'with more behind it')
      const cut = Array.from(hello, (_, length) => isWhole(hello.subarray(0, length)))
      t.notOk(cut.includes(true), 'not before its last byte')
    }
    t.notOk(isWhole(inRecords(message, [40])), 'in two records')
    t.notOk(isWhole(inRecords(join([message, message]))), 'with another message in its record')
    t.notOk(isWhole(inRecords(long, [16_384]).subarray(0, 16_389)), 'longer than a record')
  }
  t.end()
})
