import t from 'tap'
import { describeAddress, readStoreAddress } from '../../src/store/address.js'
import { hasPassword } from '../../src/store/has-password.js'

const single = { kind: 'single', isTls: false, user: undefined, password: undefined, database: 0, primary: '' }

t.test('a URL names one server, Sentinels or a cluster', (t) => {
  t.strictSame(readStoreAddress('redis://store'), { ...single, endpoints: [{ host: 'store', port: 6379 }] })
  t.strictSame(readStoreAddress('rediss://certbot-nfq:p%40:ss@[2001:db8::1]:6380/3'), {
    ...single,
    isTls: true,
    user: 'certbot-nfq',
    password: 'p@:ss',
    database: 3,
    endpoints: [{ host: '2001:db8::1', port: 6380 }],
  })
  t.strictSame(readStoreAddress('redis+sentinel://u@a,b:1,192.0.2.1/main'), {
    ...single,
    kind: 'sentinel',
    user: 'u',
    primary: 'main',
    endpoints: [
      { host: 'a', port: 26379 },
      { host: 'b', port: 1 },
      { host: '192.0.2.1', port: 26379 },
    ],
  })
  t.match(readStoreAddress('rediss+cluster://:p@a,b'), { kind: 'cluster', isTls: true, user: undefined, password: 'p' })
  t.end()
})

t.test('any other text is refused, without being repeated', (t) => {
  const wrong = [
    ...['', 'store', 'http://a', 'redis://', 'redis://a,b', 'redis://a/x', 'redis://a:0', 'redis://a:65536'],
    ...['redis+sentinel://a', 'redis+cluster://a/1', 'redis+other://a', 'redis://a b', 'redis://u:s3cret%@a'],
  ]
  for (const url of wrong)
    t.throws(() => readStoreAddress(url), { code: 'store-address', message: /^(?!.*s3cret)the URL of --store / }, url)
  t.end()
})

t.test('what people see of it has no password', (t) => {
  for (const [url, shown] of [
    ['redis://u:s3cret@a/2', 'redis://a:6379'],
    ['rediss+sentinel://u:s3cret@a,[::1]:2/main', 'rediss+sentinel://a:26379,[::1]:2/main'],
    ['redis+cluster://a', 'redis+cluster://a:6379'],
  ] as const)
    t.equal(describeAddress(readStoreAddress(url)), shown)
  t.end()
})

t.test('a password in a URL is seen, whatever else it is', (t) => {
  for (const url of ['redis://u:p@a', 'redis://:p@a', 'x://a:b@c,d']) t.ok(hasPassword(url), url)
  for (const url of ['redis://u@a:1', 'redis://a:1', 'redis://[::1]:2', '', 'redis://u:@a'])
    t.notOk(hasPassword(url), url)
  t.end()
})
