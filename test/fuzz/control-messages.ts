/** The target "control message": parsing throws nothing but a Failure, and every result is within its bounds. */
import {
  formatMessage,
  MAX_TTL,
  parseRequest,
  parseResponse,
  type ControlRequest,
  type ControlResponse,
} from '../../src/control/message.js'
import { isFailure } from '../../src/failure.js'
import type { Random } from './random.js'

const REQUESTS: readonly ControlRequest[] = [
  {
    op: 'arm',
    token: 'LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0',
    keyAuthorization: 'LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0.thumbprint',
    identifier: 'example.com',
    port: 80,
    ttl: 3600,
  },
  { op: 'disarm', token: 'LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0' },
  {
    op: 'store',
    store: {
      ...{ url: 'rediss://store.example.com:6379', readAt: '2030-01-02T03:04:05.000Z', trouble: 'no answer', armed: 1 },
      ...{ refused: { unsealed: 2 }, unverified: 1 },
      nodes: [
        {
          ...{ name: 'web1', version: '0.2.0', age: 1, isLive: true, offset: -3, delay: 2, armed: 1, refused: 0 },
        },
      ],
    },
  },
  { op: 'status' },
  { op: 'stop' },
]

const CHALLENGE = {
  ...{
    token: 'LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0',
    identifier: 'example.com',
    port: 80,
    armedAt: '2030-01-02T03:04:05.000Z',
    expiresIn: 3599,
  },
  visits: [
    {
      at: '2030-01-02T03:04:07.000Z',
      client: '192.0.2.1:54321',
      state: 'acknowledged' as const,
      answer: { status: 200, bytes: 87 },
    },
  ],
}

const STATUS = {
  ...{
    version: '1.2.3',
    protocol: 1,
    pid: 42,
    startedAt: '2030-01-02T03:04:05.000Z',
    queue: 8555,
    mark: 0x400000,
    ports: [80],
    log: ['a line'],
  },
  ...{
    firewall: { name: 'nft', selection: 'prefilter', reason: 'first choice', tracked: [4] },
    challenges: [CHALLENGE],
    counts: { packets: 1 },
    limits: { packets: 2 },
  },
}

const CHECK = {
  token: '0123456789abcdef-self-check',
  keyAuthorization: '0123456789abcdef-self-check.0123456789abcdef',
  ports: [80],
  families: [4, 6] as const,
}

const RESPONSES: readonly ControlResponse[] = [
  { ok: true, status: STATUS },
  { ok: true, challenge: CHALLENGE },
  { ok: true, check: CHECK },
  { ok: true },
  { ok: true, stopped: true },
  { ok: false, code: 'stopping', message: 'the responder is about to end' },
  { ok: false, code: 'protocol-version', message: 'hook and responder speak different protocol versions (2, 1)' },
]

const LINES = [...REQUESTS, ...RESPONSES].map((message) => formatMessage(message).trimEnd())

/** A message with some of it changed; not always a single line. */
export function strangeMessage(random: Random): string {
  let line = random.pick(LINES)
  for (let count = random.below(4); count > 0; count--) line = random.pick(WAYS)(line, random)
  return line
}

/** Parses so many. @throws Error with the message that did it */
export function fuzzMessages(random: Random, count: number): { parsed: number; refused: number } {
  const counts = { parsed: 0, refused: 0 }
  for (let done = 0; done < count; done++) {
    const line = strangeMessage(random)
    for (const parse of [
      () => checkBounds(parseRequest(line)),
      ...REQUESTS.map(
        ({ op }) =>
          () =>
            checkTexts(parseResponse(line, op)),
      ),
    ]) {
      try {
        parse()
        counts.parsed++
      } catch (thrown) {
        const isExpected =
          isFailure(thrown) && !thrown.message.includes('\n') && thrown.message.length <= LONGEST_REASON
        if (!isExpected)
          throw new Error(
            `${String(thrown).slice(0, 200)}, from ${line.length} characters: ${JSON.stringify(line.slice(0, 500))}`,
          )
        counts.refused++
      }
    }
  }
  return counts
}

/** A reason goes into the log and into every status after that. */
const LONGEST_REASON = 2_000

/** Whatever a responder says, what is read of it is short and shallow. */
function checkTexts(value: unknown, depth = 0): void {
  if (depth > 10 || (typeof value === 'string' && value.length > LONGEST_REASON))
    throw new Error(`read, but ${depth > 10 ? 'too deep' : 'too long'}`)
  if (typeof value === 'object' && value !== null)
    for (const member of Object.values(value)) checkTexts(member, depth + 1)
}

function checkBounds(request: ControlRequest): void {
  const isText = (value: unknown) => typeof value === 'string' && value.length >= 1 && value.length <= 1024
  const isNumber = (value: unknown, max: number) =>
    typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= max
  const isSound =
    request.op === 'arm'
      ? isText(request.token) &&
        isText('digest' in request ? request.digest : request.keyAuthorization) &&
        isText(request.identifier) &&
        isNumber(request.port, 65535) &&
        isNumber(request.ttl, MAX_TTL)
      : request.op !== 'disarm' || isText(request.token)
  if (!isSound) throw new Error(`parsed, but out of bounds: ${JSON.stringify(request)}`)
}

type Way = (line: string, random: Random) => string

const VALUES = [
  'null',
  'true',
  '-1',
  '0',
  '1e999',
  '1.5',
  '65536',
  '""',
  '"x"',
  '[]',
  '{}',
  '"__proto__"',
  '"constructor"',
  '"\\n"',
  '"\\ud800"',
  '2',
  '"status"',
  '"arm"',
]

const WAYS: readonly Way[] = [
  (line, random) => line.slice(0, random.below(line.length + 1)),
  (line, random) => line.slice(random.below(line.length + 1)),
  (line, random) =>
    replaceAt(
      line,
      random.below(line.length + 1),
      1,
      String.fromCharCode(random.below(random.oneIn(4) ? 0x10000 : 0x80)),
    ),
  (line, random) =>
    replaceAt(
      line,
      random.below(line.length + 1),
      0,
      random.pick(['"', '{', '}', '[', ']', ',', ':', '\\', '\0', '\n', ' ', '\u2028', '9']),
    ),
  (line, random) => line.replace(random.pick([/"[^"]*"(?=[,}])/, /\d+/, /true|false/]), () => random.pick(VALUES)),
  (line, random) =>
    line.replace(
      /\{/,
      () =>
        `{${random.pick(['"__proto__"', '"op"', '"version"', '"token"', '"ok"', '"code"', '"message"'])}:${random.pick(VALUES)},`,
    ),
  (line, random) =>
    line.replace(
      /\}$/,
      () =>
        `,${random.pick(['"__proto__"', '"op"', '"version"', '"port"', '"ttl"', '"ok"', '"code"', '"message"'])}:${random.pick(VALUES)}}`,
    ),
  (line, random) =>
    random.oneIn(20)
      ? line.replace(
          /"(op|version|token|code|message)":[^,}]*/,
          (_, name: string) => `"${name}":${nested(1 + random.below(30_000))}`,
        )
      : line,
  (line, random) =>
    random.oneIn(20)
      ? line.replace(
          /"(op|version|token|code|message)":[^,}]*/,
          (_, name: string) => `"${name}":"${'x\\n'.repeat(random.below(20_000))}"`,
        )
      : line,
  (line) => line + line,
]

function replaceAt(line: string, at: number, length: number, by: string): string {
  return line.slice(0, at) + by + line.slice(at + length)
}

function nested(depth: number): string {
  return '['.repeat(depth) + ']'.repeat(depth)
}
