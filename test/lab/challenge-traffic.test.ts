import t from 'tap'
import { challengesIn } from '../../src/lab/challenge-traffic.js'

const packet = (from: string, to: string, text: string, version = ''): string =>
  `09:24:29.310873 IP${version} ${from} > ${to}: Flags [P.], seq 1:220, ack 1, length 219: HTTP\nE....[@.@.$....${text}\n`

t.test('a challenge request is paired with the answer on its own connection', async (t) => {
  const output = [
    'listening on eth0\n',
    packet('192.0.2.2.1000', '192.0.2.1.80', 'GET / HTTP/1.1\r\nHost: other\r\n\r'),
    packet(
      '192.0.2.2.1001',
      '192.0.2.1.80',
      'GET /.well-known/acme-challenge/abc HTTP/1.1\r\nHost: a\r\nUser-Agent: VA (linux)\r\n\r',
    ),
    packet('192.0.2.1.80', '192.0.2.2.1000', 'HTTP/1.1 404 Not Found\r\n\r\nnothing'),
    packet('192.0.2.1.80', '192.0.2.2.1001', 'HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nabc.xyz'),
  ].join('')
  t.same(challengesIn(output), [
    {
      client: '192.0.2.2.1001',
      server: '192.0.2.1.80',
      request: 'GET /.well-known/acme-challenge/abc HTTP/1.1',
      agent: 'VA (linux)',
      status: 'HTTP/1.1 200 OK',
      body: 'abc.xyz',
    },
  ])
})

t.test('a request by IPv6 that nobody answered has an empty status', async (t) => {
  const [exchange] = challengesIn(
    packet('2001:db8::2.1000', '2001:db8::1.80', 'GET /.well-known/acme-challenge/abc HTTP/1.1\r\n\r', '6'),
  )
  t.equal(exchange?.server, '2001:db8::1.80')
  t.equal(exchange?.status, '')
})

t.test('output without packets gives no exchange', async (t) => {
  t.same(challengesIn(''), [])
  t.same(challengesIn('listening on eth0\n'), [])
})
