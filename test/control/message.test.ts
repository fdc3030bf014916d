import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import {
  formatMessage,
  MAX_MESSAGE,
  MAX_TTL,
  parseRequest,
  parseResponse,
  PROTOCOL_VERSION,
  refusal,
  type ControlRequest,
} from '../../src/control/message.js'
import { Failure, FIXES, type FailureCode } from '../../src/failure.js'
import { holds } from '../holds.js'

const arm = {
  version: PROTOCOL_VERSION,
  op: 'arm',
  token: 'token-of-16-chars',
  keyAuthorization: 'token-of-16-chars.print',
  identifier: 'a.example',
  port: 80,
  ttl: 3600,
}

t.test('a message is one line of JSON that carries the version of the protocol', (t) => {
  t.equal(formatMessage({ op: 'status' }), '{"version":1,"op":"status"}\n')
  t.equal(
    formatMessage({ ok: false, code: 'stopping', message: 'two\nlines' }),
    '{"version":1,"ok":false,"code":"stopping","message":"two\\nlines"}\n',
  )
  t.end()
})

t.test('a request that is not what it should be is malformed', (t) => {
  const table: readonly (readonly [string, unknown])[] = [
    ['not an operation', { ...arm, op: 'dance' }],
    ['no operation', { ...arm, op: undefined }],
    ['an operation that is no text', { ...arm, op: ['arm'] }],
    ['no token', { ...arm, token: undefined }],
    ['an empty token', { ...arm, token: '' }],
    ['a token of 15 characters', { ...arm, token: 'x'.repeat(15), keyAuthorization: `${'x'.repeat(15)}.print` }],
    ['a token that is a number', { ...arm, token: 7 }],
    ['no key authorization', { ...arm, keyAuthorization: undefined }],
    ['a key authorization of another token', { ...arm, keyAuthorization: 'token-of-others-c.print' }],
    ['what is no key authorization', { ...arm, keyAuthorization: `${arm.token}.<script>` }],
    ['a name that is none', { ...arm, identifier: 'a\nb' }],
    ['no identifier', { ...arm, identifier: null }],
    ['port 0', { ...arm, port: 0 }],
    ['port 65536', { ...arm, port: 65536 }],
    ['half a port', { ...arm, port: 80.5 }],
    ['a port that is text', { ...arm, port: '80' }],
    ['no time to live', { ...arm, ttl: undefined }],
    ['a time to live of nothing', { ...arm, ttl: 0 }],
    ['a time to live beyond a week', { ...arm, ttl: 604_801 }],
    ['a disarm without a token', { version: 1, op: 'disarm' }],
    ['a disarm of an empty token', { version: 1, op: 'disarm', token: '' }],
    ['a disarm of 1025 characters', { version: 1, op: 'disarm', token: 'x'.repeat(1025) }],
    ['an array', [arm]],
    ['nothing', null],
    ['a text', 'arm'],
  ]
  for (const [what, value] of table)
    t.throws(() => parseRequest(JSON.stringify(value)), { code: 'control-malformed' }, what)
  for (const line of ['', 'GET / HTTP/1.1', '{', '{"version":1,"op":"status"', '\0'])
    t.throws(() => parseRequest(line), { code: 'control-malformed' }, JSON.stringify(line))
  t.end()
})

t.test('what is no operation, or of another version, is shown shortly', (t) => {
  for (const [value, shown] of [
    [undefined, 'none'],
    [{ a: 1 }, 'an object'],
    [['arm'], 'an object'],
    [null, 'null'],
    [7, '7'],
    ['dance\n', '"dance\\n"'],
    [`${'x'.repeat(40)}y`, `"${'x'.repeat(40)}"`],
  ] as const) {
    t.throws(() => parseRequest(JSON.stringify({ ...arm, op: value })), {
      message: `unknown operation in a control message: ${shown}`,
    })
    t.throws(() => parseRequest(JSON.stringify({ ...arm, version: value })), {
      message: `hook and responder speak different protocol versions (${shown}, 1)`,
    })
  }
  t.end()
})

t.test('an answer has what belongs to its request, and nothing else', (t) => {
  const token = '0123456789abcdefABCD_--self-check'
  const check = { token, keyAuthorization: `${token}.0123456789abcdef`, ports: [80], families: [4] }
  const challenge = { token, identifier: 'a.example', port: 80, armedAt: 'now', expiresIn: 1, visits: [] }
  const counted = { version: '1.2.3', protocol: 1, pid: 42, startedAt: 'now', queue: 8555, mark: 1 }
  const status = { ...counted, ports: [], challenges: [], counts: {}, log: [] }
  const line = JSON.stringify({ version: 1, ok: true, check, challenge, seen: [], status })
  t.strictSame(parseResponse(line, 'arm'), { ok: true, check })
  t.strictSame(parseResponse(line, 'disarm'), { ok: true, challenge, seen: [] })
  t.strictSame(parseResponse(line, 'stop'), { ok: true })
  t.strictSame(parseResponse(line, 'status'), { ok: true, status })
  t.throws(() => parseResponse(line.replace('"counts"', '"sums"'), 'status'), { code: 'control-malformed' })
  t.end()
})

t.test('the limits themselves are within', (t) => {
  const token = 'x'.repeat(128)
  const most = { ...arm, token, keyAuthorization: `${token}.${token}`, port: 65535, ttl: 604_800 }
  t.match(parseRequest(JSON.stringify(most)), { token, port: 65535, ttl: 604_800 })
  t.match(parseRequest(JSON.stringify({ ...arm, port: 1, ttl: 1 })), { port: 1, ttl: 1 })
  t.match(parseRequest(JSON.stringify({ op: 'disarm', token: 'x'.repeat(1024) })), { op: 'disarm' })
  t.end()
})

t.test('what a request has no word for is left out', (t) => {
  t.strictSame(parseRequest(JSON.stringify({ ...arm, extra: 1 })), {
    op: 'arm',
    token: 'token-of-16-chars',
    keyAuthorization: 'token-of-16-chars.print',
    identifier: 'a.example',
    port: 80,
    ttl: 3600,
  })
  t.strictSame(parseRequest('{"version":1,"op":"disarm","token":"x","port":1}'), { op: 'disarm', token: 'x' })
  t.end()
})

t.test('a request for a self-check is a plain yes', (t) => {
  t.strictSame(parseRequest(JSON.stringify({ ...arm, selfCheck: true })), {
    op: 'arm',
    token: 'token-of-16-chars',
    keyAuthorization: 'token-of-16-chars.print',
    identifier: 'a.example',
    port: 80,
    ttl: 3600,
    selfCheck: true,
  })
  for (const selfCheck of [false, 1, 'true', null, {}])
    t.notOk('selfCheck' in parseRequest(JSON.stringify({ ...arm, selfCheck })))
  t.end()
})

t.test('another version is refused in both directions, and named', (t) => {
  for (const version of [0, 2, '1', null, undefined]) {
    const text = (message: object) => JSON.stringify({ ...message, version })
    for (const op of ['arm', 'status', 'dance'])
      t.throws(() => parseRequest(text({ ...arm, op })), { code: 'protocol-version' }, `${op} ${String(version)}`)
    for (const op of ['arm', 'status'] as const)
      t.throws(() => parseResponse(text({ ok: true }), op), { code: 'protocol-version' })
  }
  t.throws(() => parseRequest('{"version":2,"op":"status"}'), { message: /\(2, 1\)/ })
  t.end()
})

t.test('a malformed challenge is named by what is wrong with it', (t) => {
  for (const name of ['token', 'keyAuthorization', 'identifier'])
    t.throws(() => parseRequest(JSON.stringify({ ...arm, [name]: '*' })), {
      message: new RegExp(`message: ${name} is`),
    })
  t.end()
})

t.test('whatever another version has armed can be disarmed', (t) => {
  for (const [version, token] of [
    [0, 'x'],
    [2, 'a token of another kind: ü'],
  ] as const)
    t.strictSame(parseRequest(JSON.stringify({ version, op: 'disarm', token })), { op: 'disarm', token })
  t.end()
})

t.test('stop and its response work across versions', (t) => {
  for (const version of [0, 2, undefined]) {
    t.strictSame(parseRequest(JSON.stringify({ version, op: 'stop' })), { op: 'stop' })
    t.strictSame(parseResponse(JSON.stringify({ version, ok: true, stopped: true }), 'stop'), {
      ok: true,
      stopped: true,
    })
  }
  t.end()
})

t.test('the answer to a disarm may tell of the challenge; what cannot be understood of that is left out', (t) => {
  const challenge = {
    token: 'token',
    identifier: 'a.example',
    port: 80,
    armedAt: '2030-01-02T03:04:05.000Z',
    expiresIn: 1,
    visits: [],
  }
  for (const version of [0, 1, 2, undefined]) {
    const read = (more: object) => parseResponse(JSON.stringify({ version, ok: true, ...more }), 'disarm')
    t.strictSame(read({ challenge }), { ok: true, challenge })
    t.strictSame(read({ stopped: true, challenge }), { ok: true, stopped: true, challenge })
    t.strictSame(read({}), { ok: true }, 'an older responder does not tell')
    for (const other of ['token', null, { ...challenge, visits: 'many' }])
      t.strictSame(read({ challenge: other }), { ok: true })
    const visit = { at: challenge.armedAt, client: '127.0.0.1:40000', state: 'takenOver' }
    for (const seen of [[], [visit]]) t.strictSame(read({ seen }), { ok: true, seen })
    for (const other of ['many', [{ ...visit, state: 'new' }], [{ ...visit, client: '\x1b[2J' }]])
      t.strictSame(read({ seen: other }), { ok: true })
  }
  t.end()
})

t.test('a refusal is thrown as the responder gave it, of whatever version', (t) => {
  t.throws(
    () => parseResponse('{"version":1,"ok":false,"code":"too-many-challenges","message":"1000 are armed"}', 'arm'),
    { code: 'too-many-challenges', message: '1000 are armed' },
  )
  t.throws(() => parseResponse('{"version":9,"ok":false,"code":"protocol-version","message":"other"}', 'status'), {
    code: 'protocol-version',
    message: 'other',
  })
  t.throws(() => parseResponse('{"ok":false,"code":"from-the-future","message":"cause"}', 'arm'), {
    code: 'internal',
    message: 'cause',
  })
  t.throws(() => parseResponse('{"ok":false,"code":"toString"}', 'arm'), {
    code: 'internal',
    message: /without a reason/,
  })
  t.end()
})

t.test('a responder that is about to end says so, of whatever version', (t) => {
  t.equal(parseResponse('{"version":1,"ok":false,"code":"stopping","message":"soon"}', 'arm'), 'stopping')
  t.equal(parseResponse('{"version":2,"ok":false,"code":"stopping"}', 'disarm'), 'stopping')
  t.end()
})

t.test('an answer that is none is malformed', (t) => {
  for (const line of ['', '[]', 'null', '"ok"', '{"version":1}', '{"version":1,"ok":1}', '{"version":1,"ok":"true"}']) {
    const thrown = { code: 'control-malformed', message: /is not a JSON object on one line|an answer that is none/ }
    t.throws(() => parseResponse(line, 'arm'), thrown, line)
  }
  t.end()
})

t.test('a refusal stands for anything thrown', (t) => {
  t.strictSame(refusal(new Failure('firewall-failed', 'cause')), {
    ok: false,
    code: 'firewall-failed',
    message: 'cause',
  })
  t.strictSame(refusal(new Error('cause\n    at here')), { ok: false, code: 'internal', message: 'unexpected: cause' })
  t.end()
})

const texts = fc.string({ minLength: 1, maxLength: 1024 })
const base64url = fc.constantFrom(...'ABCXYZabcxyz0189-_')
const tokens = fc.string({ unit: base64url, minLength: 16, maxLength: 128 })
const thumbprints = fc.string({ unit: base64url, minLength: 1, maxLength: 128 })
const requests: fc.Arbitrary<ControlRequest> = fc.oneof(
  fc
    .tuple(tokens, thumbprints, fc.domain(), fc.integer({ min: 1, max: 65535 }), fc.integer({ min: 1, max: MAX_TTL }))
    .map(([token, thumbprint, identifier, port, ttl]) => ({
      op: 'arm' as const,
      token,
      keyAuthorization: `${token}.${thumbprint}`,
      identifier,
      port,
      ttl,
    })),
  texts.map((token) => ({ op: 'disarm' as const, token })),
  fc.constantFrom('status' as const, 'stop' as const).map((op) => ({ op })),
)

t.test('properties', (t) => {
  holds(
    t,
    'a request comes out as it went in, on one line within the limit',
    fc.property(requests, (request) => {
      const line = formatMessage(request)
      return (
        isDeepStrictEqual(parseRequest(line.slice(0, -1)), request) &&
        line.indexOf('\n') === line.length - 1 &&
        Buffer.byteLength(line) <= MAX_MESSAGE
      )
    }),
  )
  holds(
    t,
    'a refusal comes out as it went in',
    fc.property(fc.constantFrom(...(Object.keys(FIXES) as FailureCode[])), fc.string(), (code, text) => {
      const failure = new Failure(code, text)
      const thrown = thrownBy(() => parseResponse(formatMessage(refusal(failure)).trimEnd(), 'arm'))
      return thrown instanceof Failure && thrown.code === code && thrown.message === failure.message
    }),
  )
  const lines = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json(),
    fc
      .record(
        {
          version: fc.constantFrom(1, 2),
          op: fc.constantFrom('arm', 'disarm', 'stop'),
          ok: fc.jsonValue(),
          token: fc.jsonValue(),
          port: fc.jsonValue(),
          code: fc.jsonValue(),
          message: fc.jsonValue(),
        },
        { requiredKeys: [] },
      )
      .map((value) => JSON.stringify(value)),
  )
  holds(
    t,
    'no line makes either parser throw anything but a Failure',
    fc.property(
      lines,
      fc.constantFrom('arm' as const, 'disarm' as const, 'status' as const, 'stop' as const),
      (line, op) =>
        [parseRequest, (line: string) => parseResponse(line, op)]
          .map((parse) => thrownBy(() => parse(line)))
          .every((thrown) => thrown === undefined || thrown instanceof Failure),
    ),
  )
  t.end()
})

function thrownBy(read: () => unknown): unknown {
  try {
    read()
    return undefined
  } catch (thrown) {
    return thrown
  }
}
