import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import t from 'tap'
import { thumbprintOf } from '../../../src/client/accounts/thumbprint.js'
import { isFailure } from '../../../src/failure.js'

/** RFC 7638, 3.1 and RFC 8037, A.3. */
const known = [
  {
    thumbprint: 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs',
    key: {
      kty: 'RSA',
      n: '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw',
      e: 'AQAB',
      alg: 'RS256',
      kid: '2011-04-29',
    },
  },
  {
    thumbprint: 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k',
    key: {
      kty: 'OKP',
      crv: 'Ed25519',
      d: 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A',
      x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
    },
  },
] as const

t.test('the thumbprints that the RFCs give as examples', (t) => {
  for (const { key, thumbprint } of known) t.equal(thumbprintOf(JSON.stringify(key), 'key'), thumbprint, key.kty)
  t.end()
})

t.test('a key has one thumbprint, as JSON, in each kind of PEM, and with a zero in front of its number', (t) => {
  const curve = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve }).privateKey
  const keys: readonly [string, KeyObject, ...('pkcs1' | 'sec1')[]][] = [
    ['RSA', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey, 'pkcs1'],
    ['P-256', curve('P-256'), 'sec1'],
    ['P-384', curve('P-384'), 'sec1'],
    ['P-521', curve('P-521'), 'sec1'],
    ['Ed25519', generateKeyPairSync('ed25519').privateKey],
  ]
  for (const [kind, key, ...types] of keys) {
    const jwk = key.export({ format: 'jwk' })
    const expected = thumbprintOf(JSON.stringify(jwk), 'key')
    t.match(expected, /^[A-Za-z0-9_-]{43}$/, kind)
    for (const type of ['pkcs8', ...types] as const)
      t.equal(thumbprintOf(String(key.export({ format: 'pem', type: type })), 'key'), expected, `${kind}, ${type}`)
    if (typeof jwk.n !== 'string') continue
    const padded = Buffer.concat([Buffer.of(0), Buffer.from(jwk.n, 'base64url')]).toString('base64url')
    t.equal(thumbprintOf(JSON.stringify({ ...jwk, n: padded }), 'key'), expected, 'with a zero')
  }
  t.end()
})

t.test('what is no key of an account is refused, and nothing of the file is in the message', (t) => {
  const secret = 'Zm9vYmFyc2VjcmV0'
  const pem = (type: 'ed448' | 'x25519') =>
    String(
      (type === 'ed448' ? generateKeyPairSync('ed448') : generateKeyPairSync('x25519')).privateKey.export({
        format: 'pem',
        type: 'pkcs8',
      }),
    )
  const encrypted = generateKeyPairSync('ed25519').privateKey.export({
    format: 'pem',
    type: 'pkcs8',
    cipher: 'aes-128-cbc',
    passphrase: 'secret',
  })
  for (const [text, code, message] of [
    [pem('ed448'), 'account-key-unknown', /neither RSA/],
    [pem('x25519'), 'account-key-unknown', /neither RSA/],
    [JSON.stringify({ kty: 'oct', k: secret }), 'account-unreadable', /no key/],
    [`{"kty":"RSA","d":"${secret}`, 'account-unreadable', /no key/],
    [`{"kty":"RSA","n":"${secret}"}`, 'account-unreadable', /no key/],
    [`-----BEGIN PRIVATE KEY-----\n${secret}\n-----END PRIVATE KEY-----\n`, 'account-unreadable', /no key/],
    [String(encrypted), 'account-unreadable', /encrypted/],
    ['', 'account-unreadable', /no key/],
  ] as const) {
    try {
      t.fail(thumbprintOf(text, '/a/path'))
    } catch (thrown) {
      if (!isFailure(thrown)) throw thrown
      t.equal(thrown.code, code, text.slice(0, 30))
      t.match(thrown.message, message)
      t.ok(thrown.message.includes('/a/path') && !thrown.message.includes(secret), thrown.message)
    }
  }
  t.end()
})
