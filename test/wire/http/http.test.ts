import fc from 'fast-check'
import t from 'tap'
import {
  CHALLENGE_PATH,
  formatReply,
  HeadEnd,
  MAX_REQUEST_LINE,
  MAX_TOKEN_LENGTH,
  readRequestLine,
} from '../../../src/wire/http/http.js'
import { capturedRequest, capturedToken } from '../../fixtures/captured.js'
import { fromText, toText } from '../../fixtures/hex.js'
import { holds } from '../../holds.js'

const start = `GET ${CHALLENGE_PATH}`
const read = (text: string) => readRequestLine(fromText(text))

/** A request line in pieces, each of which may be left out, doubled or replaced. */
const requestLikeTexts: fc.Arbitrary<string> = fc
  .tuple(
    fc.constantFrom('GET', 'HEAD', 'get', 'POST', 'G', ''),
    fc.constantFrom(' ', ' ', ' ', '  '),
    fc.constantFrom(CHALLENGE_PATH, CHALLENGE_PATH, CHALLENGE_PATH, '/'),
    fc.oneof(fc.stringMatching(/^[\w-]{0,10}$/), fc.stringMatching(/^[\w-]{127,130}$/), fc.string({ maxLength: 3 })),
    fc.constantFrom(' HTTP/1.1', ' HTTP/1.0', ' HTTP/1.2', ' HTTP/2.0', ' HTTP/1.1 ', ''),
    fc.constantFrom('\r\n', '\n', '\r\r\n', '\r', ''),
    fc.constantFrom('', '', 'Host: example.com\r\n\r\n', 'x'),
  )
  .map((pieces) => pieces.join(''))

t.test('parse: a whole request line gives method and token', (t) => {
  t.same(read(capturedRequest), { method: 'GET', token: capturedToken })
  t.same(read(`HEAD ${CHALLENGE_PATH}a HTTP/1.1\r\n`), { method: 'HEAD', token: 'a' })
  t.same(read(`${start}aZ09-_ HTTP/1.0\r\n`), { method: 'GET', token: 'aZ09-_' })
  t.same(
    read(`${start}aZ09-_ HTTP/1.1\nHost: x`),
    { method: 'GET', token: 'aZ09-_' },
    'a bare line feed ends a line too',
  )
  t.end()
})

t.test('truncated: a request line cut off anywhere is partial', (t) => {
  for (const line of [`${start}token HTTP/1.1\r\n`, `HEAD ${CHALLENGE_PATH}token HTTP/1.0\r\n`]) {
    const lengths = Array.from(line, (_, length) => length)
    t.same(
      lengths.filter((length) => read(line.slice(0, length)) !== 'partial'),
      [],
    )
  }
  t.end()
})

t.test('anything else is other, as soon as that is certain', (t) => {
  const table = [
    ['get /.well-known/acme-challenge/a HTTP/1.1\r\n', 'methods are case-sensitive'],
    ['POST /.well-known/acme-challenge/a HTTP/1.1\r\n', 'another method'],
    ['GETX', 'a longer method'],
    ['HE ', 'a shorter method'],
    ['GET  /', 'two spaces'],
    ['GET\t/', 'a tab'],
    ['\r\nGET /', 'an empty line first'],
    ['GET http://example.com/.well-known/acme-challenge/a HTTP/1.1\r\n', 'the absolute form'],
    ['GET /.well-known/acme-Challenge/a', 'another path'],
    ['GET /.well-known/acme-challenge ', 'no token and no slash'],
    [`${start} HTTP/1.1\r\n`, 'an empty token'],
    [`${start}a/b HTTP/1.1\r\n`, 'a slash in the token'],
    [`${start}../x HTTP/1.1\r\n`, 'a way up'],
    [`${start}a?b HTTP/1.1\r\n`, 'a query'],
    [`${start}a%41 HTTP/1.1\r\n`, 'an escape'],
    [`${start}a= HTTP/1.1\r\n`, 'padding'],
    [`${start}a\r\n`, 'HTTP/0.9'],
    [`${start}a HTTP/2.0\r\n`, 'HTTP/2'],
    [`${start}a HTTP/1.2\r\n`, 'HTTP/1.2'],
    [`${start}a http/1.1\r\n`, 'the version is case-sensitive'],
    [`${start}a HTTP/1.1 \r\n`, 'a space at the end'],
    [`${start}a  HTTP/1.1\r\n`, 'two spaces before the version'],
    [`${start}a HTTP/1.1\rX`, 'a carriage return alone'],
    [`${start}a\u00e4 HTTP/1.1\r\n`, 'a byte that is not ASCII'],
    [`${start}a\0 HTTP/1.1\r\n`, 'a zero byte'],
  ] as const
  for (const [text, why] of table) t.equal(read(text), 'other', why)
  t.end()
})

t.test('a token may have the greatest length, and not one character more', (t) => {
  const longest = 'x'.repeat(MAX_TOKEN_LENGTH)
  t.equal(read(start + longest), 'partial')
  t.equal(read(`${start}${longest}x`), 'other')
  const line = `HEAD ${CHALLENGE_PATH}${longest} HTTP/1.1\r\n`
  t.same(read(line), { method: 'HEAD', token: longest })
  t.equal(line.length, MAX_REQUEST_LINE)
  t.end()
})

t.test('the end of a head is a blank line, however it is written and split', (t) => {
  const table = [
    ['GET / HTTP/1.1\r\n\r\n', true],
    ['GET / HTTP/1.1\r\nHost: a\r\n\r\nbody', true],
    ['GET / HTTP/1.1\n\n', true],
    ['GET / HTTP/1.1\r\n\n', true],
    ['GET / HTTP/1.1\r\n', false],
    ['GET / HTTP/1.1\r\n\r', false],
    ['GET / HTTP/1.1\r\n \r\n', false],
    ['\r\n', false],
  ] as const
  for (const [text, isFound] of table) t.equal(hasEnd([...text]), isFound, JSON.stringify(text))
  t.end()
})

t.test('construct: a reply is 200 with exactly the key authorization as its body', (t) => {
  t.equal(
    toText(formatReply('GET', 'token.thumbprint')),
    'HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 16\r\nConnection: close\r\n\r\ntoken.thumbprint',
  )
  t.end()
})

t.test('construct: a reply to HEAD is the same head without the body', (t) => {
  const [whole, head] = [
    toText(formatReply('GET', 'token.thumbprint')),
    toText(formatReply('HEAD', 'token.thumbprint')),
  ]
  t.equal(head, whole.slice(0, -'token.thumbprint'.length))
  t.end()
})

t.test('a reply for the longest token fits the smallest segment, timestamps included', (t) => {
  const keyAuthorization = `${'x'.repeat(MAX_TOKEN_LENGTH)}.${'y'.repeat(43)}`
  t.ok(formatReply('GET', keyAuthorization).length < 400)
  t.end()
})

t.test('properties', (t) => {
  holds(
    t,
    'any bytes are read without an exception',
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const line = readRequestLine(bytes)
      return bytes.length === 0 ? line === 'partial' : line === 'other' || (line === 'partial' && bytes.length < 5)
    }),
  )
  holds(
    t,
    'what looks like a request line is read as a regular expression would read it',
    fc.property(requestLikeTexts, (text) => {
      const [, method, token] =
        /^(GET|HEAD) \/\.well-known\/acme-challenge\/([\w-]{1,128}) HTTP\/1\.[01]\r?\n/.exec(text) ?? []
      const line = read(text)
      return typeof line === 'string' ? method === undefined : line.method === method && line.token === token
    }),
    { numRuns: 5000 },
  )
  holds(
    t,
    'partial and other never change their mind: what is other stays other, and a line stays the line, whatever follows',
    fc.property(requestLikeTexts, requestLikeTexts, (text, more) => {
      const line = read(text)
      return line === 'partial' || JSON.stringify(read(text + more)) === JSON.stringify(line)
    }),
  )
  holds(
    t,
    'the end of a head is found in any split exactly where it is found in one piece',
    fc.property(fc.array(fc.stringMatching(/^[\r\na:]{0,4}$/), { maxLength: 8 }), (pieces) => {
      return hasEnd(pieces) === /\n\r*\n/.test(pieces.join(''))
    }),
    { numRuns: 2000 },
  )
  t.end()
})

function hasEnd(pieces: readonly string[]): boolean {
  const end = new HeadEnd()
  for (const piece of pieces) end.feed(fromText(piece))
  return end.isFound
}
