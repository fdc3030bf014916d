import t from 'tap'
import { printableBytes } from '../../src/wire/printable.js'
import { readResponseStart } from '../../src/watch/response-start.js'

t.test('how much of a response is enough, and what its body begins with', (t) => {
  const table: readonly (readonly [
    string,
    string,
    { status?: number; body?: string; isEnough?: boolean } | 'partial' | 'not-http',
  ])[] = [
    ['nothing', '', 'partial'],
    ['the start of a status line', 'HTTP/1.1 20', 'partial'],
    ['another protocol', 'SSH-2.0-x\r\n', 'not-http'],
    ['no status', 'HTTP/1.1 abc\r\n', 'not-http'],
    ['a status line alone', 'HTTP/1.1 200 OK\r\n', { status: 200, body: '', isEnough: false }],
    ['no reason', 'HTTP/1.0 404\r\n\r\n', { status: 404, body: '', isEnough: false }],
    ['line feeds alone', 'HTTP/1.1 200 OK\nContent-Length: 2\n\nab', { status: 200, body: 'ab', isEnough: true }],
    ['less than announced', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab', { body: 'ab', isEnough: false }],
    ['more than announced', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab', { body: 'a', isEnough: true }],
    [
      'more than shown',
      'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nabcdefghijk',
      { body: 'abcdefgh', isEnough: true },
    ],
    ['a body up to the end of the connection', 'HTTP/1.1 200 OK\r\n\r\nab', { body: 'ab', isEnough: false }],
    ['no content', 'HTTP/1.1 204 No Content\r\n\r\n', { body: '', isEnough: true }],
    [
      'an interim response first',
      'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
      { status: 200, isEnough: true },
    ],
    ['an interim response alone', 'HTTP/1.1 100 Continue\r\n\r\n', 'partial'],
    ['a change of protocol', 'HTTP/1.1 101 Switching Protocols\r\n\r\n', { status: 101 }],
    [
      'chunks',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\n\r\n',
      { body: 'abc', isEnough: true },
    ],
    ['half a chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab', { body: 'ab', isEnough: false }],
    [
      'chunks longer than shown',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n7\r\nfghijkl\r\n',
      { body: 'abcdefgh', isEnough: true },
    ],
    ['what is no chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab', { body: '', isEnough: true }],
  ]
  for (const [title, sent, expected] of table) {
    const read = readResponseStart(bytes(sent), 'GET', 8)
    if (typeof expected === 'string' || typeof read === 'string') t.equal(read, expected, title)
    else t.match({ ...read, body: printableBytes(read.body) }, expected, title)
  }
  t.match(
    readResponseStart(bytes('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n'), 'HEAD', 8),
    { isEnough: true },
    'to HEAD there is no body',
  )
  t.end()
})

t.test('the fields that are shown', (t) => {
  const read = readResponseStart(
    bytes(
      'HTTP/1.1 301 Moved  Permanently\r\nLOCATION:\thttps://a.example/ \r\nlocation: other\r\nno colon\r\nContent-Encoding: gzip\r\n\r\n',
    ),
    'GET',
    8,
  )
  if (typeof read === 'string') return t.fail(read)
  const { reason, location, contentEncoding, contentType } = read
  t.strictSame(
    [reason, location, contentEncoding].map((value) => value && printableBytes(value)),
    ['Moved  Permanently', 'https://a.example/', 'gzip'],
  )
  t.equal(contentType, undefined)
  t.end()
})

function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}
