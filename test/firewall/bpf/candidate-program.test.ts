import fc from 'fast-check'
import t from 'tap'
import { assemble, toBytecode } from '../../../src/firewall/bpf/program.js'
import { candidateProgram, CHALLENGE_PATH_PREFIX } from '../../../src/firewall/bpf/candidate-program.js'
import { CHALLENGE_PATH } from '../../../src/wire/http.js'
import { holds } from '../../holds.js'
import { parseBytecode, run } from './bpf-interpreter.js'

const families = [4, 6] as const
type Family = (typeof families)[number]

const programs = {
  4: parseBytecode(toBytecode(candidateProgram(4))),
  6: parseBytecode(toBytecode(candidateProgram(6))),
}
const requests = ['GET', 'HEAD'].map(
  (method) => `${method} ${CHALLENGE_PATH_PREFIX}evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA HTTP/1.1\r\n`,
)

t.test('the program fits into an iptables rule for both families', async (t) => {
  t.equal(assemble(candidateProgram(4)).length, 61)
  t.equal(assemble(candidateProgram(6)).length, 59)
})

t.test('the path looked for in the kernel is the one that is answered', async (t) => {
  t.equal(CHALLENGE_PATH_PREFIX, CHALLENGE_PATH)
})

t.test('a request is a candidate from its first byte to any length, behind every header length', async (t) => {
  t.same(
    disagreements(
      everyHeader(function* () {
        for (const request of requests)
          for (let length = 0; length <= 64; length += 1) yield bytes(request.slice(0, length))
      }),
      ({ payload }) => payload.length > 0,
    ),
    [],
  )
})

t.test('one wrong byte is noticed at each position that the program compares', async (t) => {
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
      ({ payload }) => mayBeChallenge(payload),
    ),
    [],
  )
})

t.test('a wrong byte goes unnoticed only after the last whole word of an unfinished path', async (t) => {
  const taken = [...Array(64).keys()].filter((length) =>
    matches(packet({ family: 4, payload: bytes(`GET ${CHALLENGE_PATH_PREFIX}`.slice(0, length) + '?') })),
  )
  // Three of four lengths inside the path, and everything after the whole text.
  t.same(taken, [
    4,
    5,
    6,
    8,
    9,
    10,
    12,
    13,
    14,
    16,
    17,
    18,
    20,
    21,
    22,
    24,
    25,
    26,
    28,
    29,
    30,
    ...[...Array(32).keys()].map((index) => 32 + index),
  ])
})

t.test('other requests and texts are not candidates', async (t) => {
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
      t.notOk(matches(packet({ family, payload: bytes(text) })), `IPv${family}: ${JSON.stringify(text)}`)
})

t.test('a data offset below 5 is not a match, even if a request stands where it points', async (t) => {
  for (const family of families)
    for (const dataOffset of [4, 5]) {
      const tempting = packet({ family, dataOffset, payload: bytes(requests.join('')) })
      tempting.data.set(bytes(requests[0] ?? ''), (family === 4 ? 20 : 40) + dataOffset * 4)
      t.equal(matches(tempting), dataOffset === 5, `IPv${family}, offset ${dataOffset}`)
    }
})

t.test('a data offset at or past the end of the packet is not a match', async (t) => {
  for (const family of families)
    for (let dataOffset = 0; dataOffset <= 15; dataOffset += 1) {
      // 20 bytes of header and 13 of payload: offset 8 leaves one byte, a G, which is a match.
      t.equal(
        matches(packet({ family, dataOffset, payload: bytes('GGGGGGGGGGGGG') })),
        dataOffset === 8,
        `IPv${family}, offset ${dataOffset}`,
      )
    }
})

t.test('only TCP is looked at, and only the fragment that has the header', async (t) => {
  const payload = bytes(requests.join(''))
  for (let protocol = 0; protocol <= 255; protocol += 1)
    for (const family of families) {
      if (matches(packet({ family, protocol, payload })) !== (protocol === 6))
        t.fail(`IPv${family}, protocol ${protocol}`)
    }
  t.notOk(matches(packet({ family: 4, protocol: 17, payload })), 'UDP')
  for (const flags of [0x0000, 0x2000, 0x4000, 0x8000])
    t.ok(matches(packet({ family: 4, fragment: flags, payload })), `flags ${flags.toString(16)}, offset 0`)
  for (let bit = 1; bit <= 0x1000; bit *= 2)
    t.notOk(matches(packet({ family: 4, fragment: bit, payload })), `fragment offset ${bit}`)
})

t.test('on any bytes the program agrees with a plain reading of the packet', async (t) => {
  const text = fc.constantFrom(...requests)
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
      protocol: fc.constantFrom(6, 6, 6, 17),
      fragment: fc.constantFrom(0, 0, 0x4000, 0x2000, 0x0001),
    })
    .map(packet)
  const random = fc.tuple(fc.constantFrom(...families), fc.uint8Array({ maxLength: 160 })).map(([family, data]) => {
    // The kernel has dropped IPv4 header lengths below 5 before netfilter sees a packet.
    if (data[0] !== undefined && data[0] % 16 < 5) data[0] += 5
    return { family, data, payload: new Uint8Array() }
  })
  const agrees = fc.property(fc.oneof(shaped, random), (candidate) => matches(candidate) === plainReading(candidate))
  holds(t, 'a match exactly where the plain reading finds one', agrees, { numRuns: 20_000 })
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
  const data = new Uint8Array(tcp + 20 + optionBytes + payload.length).fill(0x47)
  if (family === 4) {
    data[0] = 0x40 + headerWords
    new DataView(data.buffer).setUint16(6, fragment)
  }
  data[family === 4 ? 9 : 6] = protocol
  data[tcp + 12] = dataOffset * 16 + 0x0f
  data.set(payload, tcp + 20 + optionBytes)
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

/** The first few packets on which the program and the expectation differ; one assertion instead of a million. */
function disagreements(packets: Iterable<Packet>, expected: (packet: Packet) => boolean): string[] {
  const found: string[] = []
  for (const candidate of packets) {
    if (matches(candidate) !== expected(candidate))
      found.push(`IPv${candidate.family} ${Buffer.from(candidate.data).toString('latin1')}`)
    if (found.length === 5) break
  }
  return found
}

function matches({ family, data }: Packet): boolean {
  return run(programs[family], data) !== 0
}

function plainReading({ family, data }: Packet): boolean {
  const tcp = family === 4 ? ((data[0] ?? 0) & 0x0f) * 4 : 40
  const isFragment = family === 4 && (((data[6] ?? 0) & 0x1f) !== 0 || data[7] !== 0)
  const dataOffset = (data[tcp + 12] ?? 0) >> 4
  return (
    data[family === 4 ? 9 : 6] === 6 &&
    !isFragment &&
    dataOffset >= 5 &&
    mayBeChallenge(data.subarray(tcp + dataOffset * 4))
  )
}

/**
 * The documented meaning: whole words of the path, everything of the method, and nothing else for a payload of any
 * length.
 */
function mayBeChallenge(payload: Uint8Array): boolean {
  return (
    payload.length > 0 &&
    ['GET ', 'HEAD '].some((method) => {
      const text = method + CHALLENGE_PATH_PREFIX
      const pathBytes = Math.min(payload.length, text.length) - method.length
      const compared = pathBytes < 0 ? payload.length : method.length + pathBytes - (pathBytes % 4)
      return Buffer.from(payload).toString('latin1', 0, compared) === text.slice(0, compared)
    })
  )
}

function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'))
}
