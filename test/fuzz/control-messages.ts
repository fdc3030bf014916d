/** The target "control message": what is parsed throws nothing but a Failure, and what comes out of it is within its bounds. */
import { formatMessage, MAX_TTL, parseRequest, parseResponse, type ControlRequest, type ControlResponse } from '../../src/control/message.js'
import { isFailure } from '../../src/failure.js'
import type { Random } from './random.js'

const REQUESTS: readonly ControlRequest[] = [
  { op: 'arm', token: 'LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0', keyAuthorization: 'LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0.thumbprint', identifier: 'example.com', port: 80, ttl: 3600 },
  { op: 'disarm', token: 'LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0' },
  { op: 'status' },
  { op: 'stop' },
]

const RESPONSES: readonly ControlResponse[] = [
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
    for (const parse of [() => checkBounds(parseRequest(line)), () => parseResponse(line)]) {
      try {
        parse()
        counts.parsed++
      } catch (thrown) {
        const isExpected = isFailure(thrown) && !thrown.message.includes('\n') && thrown.message.length <= LONGEST_REASON
        if (!isExpected) throw new Error(`${String(thrown).slice(0, 200)}, from ${line.length} characters: ${JSON.stringify(line.slice(0, 500))}`)
        counts.refused++
      }
    }
  }
  return counts
}

/** A reason goes into the log and into every status after that. */
const LONGEST_REASON = 2_000

function checkBounds(request: ControlRequest): void {
  const isText = (value: unknown) => typeof value === 'string' && value.length >= 1 && value.length <= 1024
  const isNumber = (value: unknown, max: number) => typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= max
  const isSound =
    request.op === 'arm'
      ? isText(request.token) && isText(request.keyAuthorization) && isText(request.identifier) && isNumber(request.port, 65535) && isNumber(request.ttl, MAX_TTL)
      : request.op !== 'disarm' || isText(request.token)
  if (!isSound) throw new Error(`parsed, but out of bounds: ${JSON.stringify(request)}`)
}

type Way = (line: string, random: Random) => string

const VALUES = ['null', 'true', '-1', '0', '1e999', '1.5', '65536', '""', '"x"', '[]', '{}', '"__proto__"', '"constructor"', '"\\n"', '"\\ud800"', '2', '"status"', '"arm"']

const WAYS: readonly Way[] = [
  (line, random) => line.slice(0, random.below(line.length + 1)),
  (line, random) => line.slice(random.below(line.length + 1)),
  (line, random) => replaceAt(line, random.below(line.length + 1), 1, String.fromCharCode(random.below(random.oneIn(4) ? 0x10000 : 0x80))),
  (line, random) => replaceAt(line, random.below(line.length + 1), 0, random.pick(['"', '{', '}', '[', ']', ',', ':', '\\', '\0', '\n', ' ', '\u2028', '9'])),
  (line, random) => line.replace(random.pick([/"[^"]*"(?=[,}])/, /\d+/, /true|false/]), () => random.pick(VALUES)),
  (line, random) => line.replace(/\{/, () => `{${random.pick(['"__proto__"', '"op"', '"version"', '"token"', '"ok"', '"code"', '"message"'])}:${random.pick(VALUES)},`),
  (line, random) => line.replace(/\}$/, () => `,${random.pick(['"__proto__"', '"op"', '"version"', '"port"', '"ttl"', '"ok"', '"code"', '"message"'])}:${random.pick(VALUES)}}`),
  (line, random) => (random.oneIn(20) ? line.replace(/"(op|version|token|code|message)":[^,}]*/, (_, name: string) => `"${name}":${nested(1 + random.below(30_000))}`) : line),
  (line, random) => (random.oneIn(20) ? line.replace(/"(op|version|token|code|message)":[^,}]*/, (_, name: string) => `"${name}":"${'x\\n'.repeat(random.below(20_000))}"`) : line),
  (line) => line + line,
]

function replaceAt(line: string, at: number, length: number, by: string): string {
  return line.slice(0, at) + by + line.slice(at + length)
}

function nested(depth: number): string {
  return '['.repeat(depth) + ']'.repeat(depth)
}
