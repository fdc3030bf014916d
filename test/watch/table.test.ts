import t from 'tap'
import type { WatchedAnswer, WatchedRequest } from '../../src/watch/events.js'
import { formatEvent } from '../../src/watch/json-lines.js'
import { redraw, renderTable, type TableContents } from '../../src/watch/table.js'

process.env['TZ'] = 'UTC'

const request: WatchedRequest = {
  id: 1,
  at: Date.UTC(2030, 0, 2, 3, 4, 5, 678),
  family: 4,
  client: { address: '192.0.2.2', port: 40_000 },
  server: { address: '192.0.2.1', port: 80 },
  method: 'GET',
  token: 'a-token-that-is-long',
  host: 'a.example',
}
const contents: TableContents = { port: 80, rows: [], requests: 0, attempts: { refused: 0, unanswered: 0 }, missed: 0 }
const plain = { columns: 120, lines: 24, isColoured: false }
const answers: readonly WatchedAnswer[] = [
  {
    outcome: 'answered',
    status: 200,
    reason: 'OK',
    body: 'a-token-that-is-long.thumb',
    startsWithToken: true,
    milliseconds: 0.4567,
  },
  { outcome: 'answered', status: 200, reason: 'OK', body: 'hello', startsWithToken: false, milliseconds: 1 },
  { outcome: 'answered', status: 200, reason: 'OK', contentEncoding: 'gzip', body: '\\x1f', milliseconds: 1 },
  {
    outcome: 'answered',
    status: 301,
    reason: 'Moved Permanently',
    location: 'https://a.example/',
    body: '<html>',
    milliseconds: 100.5,
  },
  { outcome: 'answered', status: 404, reason: 'Not Found', body: '<html>', milliseconds: 1 },
  { outcome: 'not-http', body: '\\x15\\x03', milliseconds: 1 },
  { outcome: 'closed', milliseconds: 1 },
  { outcome: 'reset', milliseconds: 1 },
  { outcome: 'silent', milliseconds: 10_000 },
  { outcome: 'client-gone', milliseconds: 1 },
  { outcome: 'unknown' },
]

t.test('a table of every kind of answer', (t) => {
  const rows = [{ request }, ...answers.map((answer) => ({ request, answer }))]
  t.strictSame(renderTable({ ...contents, rows, requests: 12 }, plain), [
    'certbot-nfq watch: port 80, 12 requests for challenges so far. Ctrl-C ends it.',
    'TIME      FROM             HOST       TOKEN         STATUS       MS  ANSWER',
    '03:04:05  192.0.2.2:40000  a.example  a-token-tha…                   waiting…',
    '03:04:05  192.0.2.2:40000  a.example  a-token-tha…  200        0.46  "a-token-that-is-long.thumb"',
    '03:04:05  192.0.2.2:40000  a.example  a-token-tha…  200        1.00  body does not start with the token: "hello"',
    '03:04:05  192.0.2.2:40000  a.example  a-token-tha…  200        1.00  OK: gzip, "\\x1f"',
    '03:04:05  192.0.2.2:40000  a.example  a-token-tha…  301         101  Moved Permanently to https://a.example/',
    '03:04:05  192.0.2.2:40000  a.example  a-token-tha…  404        1.00  Not Found: "<html>"',
    '03:04:05  192.0.2.2:40000  a.example  a-token-tha…  not HTTP   1.00  "\\x15\\x03"',
    '03:04:05  192.0.2.2:40000  a.example  a-token-tha…  closed     1.00  the server closed the connection without an answer',
    '03:04:05  192.0.2.2:40000  a.example  a-token-tha…  reset      1.00  the server reset the connection',
    '03:04:05  192.0.2.2:40000  a.example  a-token-tha…  silent    10000  no answer',
    '03:04:05  192.0.2.2:40000  a.example  a-token-tha…  gone       1.00  the client reset the connection before an answer',
    '03:04:05  192.0.2.2:40000  a.example  a-token-tha…  unknown          not followed to its end',
  ])
  t.end()
})

t.test('a table of DNS queries says who is asked for what, by what', (t) => {
  const { id, at, family, client, server } = request
  const asked = { id, at, family, client, server, type: 'dns-01', name: '_acme-challenge.a.example' } as const
  const rows = [
    { request: { ...asked, transport: 'udp', recordType: 'TXT' } },
    ...[
      { outcome: 'answered', rcode: 'NOERROR', answers: 2, milliseconds: 1 } as const,
      { outcome: 'answered', rcode: 'NOERROR', answers: 0, milliseconds: 1 } as const,
      { outcome: 'answered', rcode: 'NXDOMAIN', answers: 0, milliseconds: 1 } as const,
      { outcome: 'answered', rcode: 'NOERROR', answers: 0, isTruncated: true, milliseconds: 1 } as const,
      { outcome: 'not-dns', body: 'SSH-2.0', milliseconds: 1 } as const,
    ].map((answer) => ({ request: { ...asked, transport: 'tcp', recordType: 'A' } as const, answer })),
  ] as const
  t.strictSame(renderTable({ ...contents, port: 53, rows }, plain).slice(1), [
    'TIME      FROM             NAME       QUERY                  STATUS      MS  ANSWER',
    '03:04:05  192.0.2.2:40000  a.example  TXT, UDP to 192.0.2.1                  waiting…',
    '03:04:05  192.0.2.2:40000  a.example  A, TCP to 192.0.2.1    NOERROR   1.00  2 answers',
    '03:04:05  192.0.2.2:40000  a.example  A, TCP to 192.0.2.1    NOERROR   1.00  0 answers',
    '03:04:05  192.0.2.2:40000  a.example  A, TCP to 192.0.2.1    NXDOMAIN  1.00  0 answers',
    '03:04:05  192.0.2.2:40000  a.example  A, TCP to 192.0.2.1    NOERROR   1.00  truncated: the client asks again by TCP',
    '03:04:05  192.0.2.2:40000  a.example  A, TCP to 192.0.2.1    not DNS   1.00  "SSH-2.0"',
  ])
  const codes = rows.map((row) =>
    renderTable({ ...contents, rows: [row] }, { ...plain, isColoured: true })[2]?.slice(2, 4),
  )
  t.strictSame(codes, ['33', '32', '33', '31', '33', '31'])
  t.end()
})

t.test('a table of TLS connections says which name and protocols are asked for', (t) => {
  const { id, at, family, client, server } = request
  const asked = { id, at, family, client, server, type: 'tls-alpn-01', alpn: ['acme-tls/1'] } as const
  const named = { ...asked, serverName: 'a.example' }
  const rows = [
    { request: asked },
    { request: named, answer: { outcome: 'answered', record: 'handshake', milliseconds: 1 } },
    { request: named, answer: { outcome: 'answered', record: 'alert', alert: 'unrecognized_name', milliseconds: 1 } },
    { request: named, answer: { outcome: 'not-tls', body: 'HTTP/1.1 400', milliseconds: 1 } },
  ] as const
  t.strictSame(renderTable({ ...contents, port: 443, rows }, plain).slice(1), [
    'TIME      FROM             SNI        ALPN        STATUS     MS  ANSWER',
    '03:04:05  192.0.2.2:40000             acme-tls/1                 waiting…',
    '03:04:05  192.0.2.2:40000  a.example  acme-tls/1  TLS      1.00  a handshake; its certificate is not looked at',
    '03:04:05  192.0.2.2:40000  a.example  acme-tls/1  alert    1.00  unrecognized_name',
    '03:04:05  192.0.2.2:40000  a.example  acme-tls/1  not TLS  1.00  "HTTP/1.1 400"',
  ])
  const codes = rows.map((row) =>
    renderTable({ ...contents, rows: [row] }, { ...plain, isColoured: true })[2]?.slice(2, 4),
  )
  t.strictSame(codes, ['33', '33', '31', '31'])
  t.end()
})

t.test('what is waited for is what the port is for, or anything', (t) => {
  const note = (port: number) => renderTable({ ...contents, port }, plain)
  t.match(note(53)[1], /NAME +QUERY/)
  t.equal(note(53)[2], 'Waiting for a query for _acme-challenge.NAME…')
  t.match(note(443)[1], /SNI +ALPN/)
  t.equal(note(443)[2], 'Waiting for a TLS connection with acme-tls/1…')
  t.match(note(8080)[1], /HOST +TOKEN/)
  t.match(note(8080)[2], /^Waiting for GET or HEAD .*, a query for .*, a TLS connection with/)
  t.end()
})

t.test('what else there is to know stands below', (t) => {
  const attempt = {
    at: 0,
    family: 6,
    client: { address: '2001:db8::2', port: 1 },
    server: { address: '2001:db8::1', port: 80 },
    outcome: 'refused',
  } as const
  const lines = renderTable(
    { ...contents, attempts: { refused: 1, unanswered: 2 }, newestAttempt: attempt, missed: 3 },
    plain,
  )
  t.strictSame(lines.slice(2), [
    'Waiting for GET or HEAD /.well-known/acme-challenge/…',
    '1 connection attempt refused: nothing listens, or a firewall rejects, the last from 2001:db8::2',
    '2 connection attempts without an answer: a firewall drops them here, the last from 2001:db8::2',
    '3 packets not seen: too many at once',
  ])
  t.end()
})

t.test('the table fits the terminal, whatever its size, and shows the newest', (t) => {
  const rows = Array.from({ length: 50 }, (_, at) => ({
    request: {
      ...request,
      id: at,
      family: 6 as const,
      client: { address: '2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff', port: at },
    },
  }))
  for (const columns of [1, 20, 80, 200]) {
    const lines = renderTable({ ...contents, rows }, { columns, lines: 10, isColoured: false })
    t.equal(lines.length, 9)
    t.ok(
      lines.every((line) => line.length <= columns),
      `${columns} columns`,
    )
  }
  t.match(renderTable({ ...contents, rows }, { ...plain, lines: 10 }).at(-1), /ffff\]:49 /)
  t.end()
})

t.test('colours say how good an answer is, where there are colours', (t) => {
  const codes = answers.map(
    (answer) =>
      /^\u001B\[(\d+)m.*\u001B\[0m$/.exec(
        renderTable({ ...contents, rows: [{ request, answer }] }, { ...plain, isColoured: true })[2] ?? '',
      )?.[1],
  )
  t.strictSame(codes, ['32', '31', '33', '33', '31', '31', '31', '31', '31', '33', '33'])
  t.end()
})

t.test('drawing again goes back over what was drawn, and clears it', (t) => {
  t.equal(redraw(0, ['a', 'b']), '\r\u001B[Ja\nb\n')
  t.equal(redraw(2, ['c']), '\u001B[2A\r\u001B[Jc\n')
  t.end()
})

t.test('an event is a line of JSON', (t) => {
  const { id, family, client, server, method, token, host } = request
  const fields = { time: '2030-01-02T03:04:05.678Z', id, family, client, server, method, token, host }
  t.strictSame(JSON.parse(formatEvent({ event: 'request', request })), { event: 'request', ...fields })
  const [answer] = answers
  t.strictSame(JSON.parse(formatEvent({ event: 'answer', request, answer: answer as WatchedAnswer })), {
    event: 'answer',
    ...fields,
    ...answer,
    milliseconds: 0.457,
  })
  const attempt = { at: request.at, family, client, server, outcome: 'unanswered' } as const
  t.strictSame(JSON.parse(formatEvent({ event: 'attempt', attempt })), {
    event: 'attempt',
    time: fields.time,
    family,
    client,
    server,
    outcome: 'unanswered',
  })
  t.notMatch(formatEvent({ event: 'request', request }), /\n/)
  t.end()
})
