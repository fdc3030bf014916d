import t from 'tap'
import { readSelfCheckOrder } from '../../src/control/self-check-order.js'

const token = '0123456789abcdefABCD_--self-check'
const order = { token, keyAuthorization: `${token}.0123456789abcdefABCDEF-_`, ports: [80, 8080], families: [4, 6] }

const withToken = (token: string) => ({ ...order, token, keyAuthorization: `${token}.0123456789abcdef` })

t.test('an order is read as it is, without what has no word in it', (t) => {
  for (const each of [
    order,
    withToken(`${'x'.repeat(16)}-self-check`),
    withToken(`${'x'.repeat(117)}-self-check`),
    { ...order, families: [6] },
    { ...order, ports: [] },
    { type: 'dns-01', ...withToken(`${'x'.repeat(52)}-self-check`) },
    { type: 'tls-alpn-01', ...withToken(`${'x'.repeat(52)}-self-check`) },
  ])
    t.strictSame(readSelfCheckOrder({ ...each, more: 1 }), each)
  t.end()
})

t.test('few ports are tried, and none twice', (t) => {
  t.strictSame(readSelfCheckOrder({ ...order, ports: [80, 80, 81], families: [4, 4] }), {
    ...order,
    ports: [80, 81],
    families: [4],
  })
  const many = Array.from({ length: 1_000 }, (_, place) => place + 1)
  t.strictSame(readSelfCheckOrder({ ...order, ports: many })?.ports, many.slice(0, 16))
  t.equal(readSelfCheckOrder({ ...order, ports: [...many, 1_001] }), undefined)
  t.end()
})

t.test('what could be another request, another token or another address is not read', (t) => {
  const others = [
    ...[undefined, null, 'order', [], {}],
    ...Object.keys(order).map((name) => ({ ...order, [name]: undefined })),
    withToken(`${token}\r\nHost: other`),
    withToken(`${token} HTTP/1.1`),
    withToken(`${token}/../x`),
    withToken(`${token}\n`),
    withToken(`${'x'.repeat(15)}-self-check`),
    withToken(`${'x'.repeat(118)}-self-check`),
    withToken(`${token}x`),
    { type: 'dns-01', ...withToken(`${'x'.repeat(53)}-self-check`) },
    { type: 'of-tomorrow-01', ...order },
    // A challenge's: the hook disarms it in the end.
    withToken('LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0'),
    { ...order, keyAuthorization: 'x.y' },
    { ...order, keyAuthorization: token },
    { ...order, keyAuthorization: `${token}.0123456789abcdef\n` },
    { ...order, keyAuthorization: `${token}.${'x'.repeat(129)}` },
    { ...order, ports: [0] },
    { ...order, ports: [65536] },
    { ...order, ports: ['80'] },
    { ...order, ports: [80.5] },
    { ...order, ports: { length: 1 } },
    { ...order, families: [5] },
    { ...order, families: [4, 6, 4] },
  ]
  for (const other of others) t.equal(readSelfCheckOrder(other), undefined, JSON.stringify(other))
  t.end()
})
