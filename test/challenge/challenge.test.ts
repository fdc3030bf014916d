import fc from 'fast-check'
import t from 'tap'
import {
  fieldsOf,
  isKeyAuthorization,
  isOfType,
  isToken,
  readChallenge,
  typeOf,
  withType,
} from '../../src/challenge/challenge.js'
import { holds } from '../holds.js'

const token = 'evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA'
const keyAuthorization = `${token}.NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs`
const challenge = { token, keyAuthorization, identifier: 'a.example' }

t.test('a challenge is read as it is, without what has no word in it', (t) => {
  t.strictSame(readChallenge({ ...challenge, more: 1 } as object), challenge)
  for (const identifier of ['192.0.2.1', '2001:db8::1', 'bücher.example', '_acme.a_b.example.', 'x'.repeat(255)])
    t.match(readChallenge({ ...challenge, identifier }), { identifier })
  t.end()
})

t.test('of a malformed one the first field that is wrong is named', (t) => {
  t.equal(readChallenge({}), 'token')
  t.equal(readChallenge({ token }), 'keyAuthorization')
  t.equal(readChallenge({ token, keyAuthorization }), 'identifier')
  for (const identifier of ['', ' ', 'a b', 'a\nb', '*.a.example', 'x'.repeat(256), 7, null, ['a.example']])
    t.equal(readChallenge({ ...challenge, identifier }), 'identifier', JSON.stringify(identifier))
  t.end()
})

t.test('a token is base64url of 16 to 128 characters', (t) => {
  for (const good of [token, 'x'.repeat(16), '_'.repeat(128)]) t.ok(isToken(good), good)
  const bad = ['x'.repeat(15), 'x'.repeat(129), `${token}=`, `${token}+`, `${token}/`, `${token}\n`, ` ${token}`, '']
  for (const one of [...bad, undefined, 7, [token]]) t.notOk(isToken(one), JSON.stringify(one))
  t.end()
})

t.test('a key authorization is its token, a dot and a thumbprint of 1 to 128 characters', (t) => {
  for (const good of [keyAuthorization, `${token}.x`, `${token}.${'x'.repeat(128)}`])
    t.ok(isKeyAuthorization(good, token), good)
  const ends = ['', '.', `.${'x'.repeat(129)}`, '.x.y', '.x\n', '.<b>', `-x`, '..']
  for (const one of [
    ...ends.map((end) => token + end),
    'x.y',
    `x${keyAuthorization}`,
    undefined,
    7,
    [keyAuthorization],
  ])
    t.notOk(isKeyAuthorization(one, token), JSON.stringify(one))
  t.end()
})

t.test('a challenge of another type has a digest instead', (t) => {
  const digest = 'LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ'
  const dns = { type: 'dns-01', token: digest, digest, identifier: 'example.com' } as const
  const tls = { type: 'tls-alpn-01', token, digest, identifier: 'example.com' } as const
  for (const one of [dns, tls]) {
    t.strictSame(readChallenge({ ...one, keyAuthorization, more: 1 } as object), one)
    t.strictSame(fieldsOf({ ...one, ...{ port: 1 } }), one)
    t.equal(typeOf(one), one.type)
    t.equal(withType(one), one)
    for (const other of [digest.slice(1), `${digest}A`]) t.equal(readChallenge({ ...one, digest: other }), 'digest')
    t.equal(readChallenge({ ...one, identifier: 'a b' }), 'identifier')
    t.notOk(isOfType(one, 'http-01'))
  }
  t.equal(readChallenge({ ...dns, token }), 'token', 'dns-01 is known by its digest')
  t.equal(readChallenge({ ...challenge, type: 'dns-02' }), 'type')
  t.strictSame(readChallenge({ ...challenge, type: 'http-01' }), challenge)
  t.strictSame(fieldsOf({ ...challenge, ...{ port: 1 } }), challenge)
  t.strictSame(withType(challenge), { ...challenge, type: 'http-01' })
  t.equal(typeOf({}), 'http-01')
  t.end()
})

t.test('properties', (t) => {
  const value = fc.oneof(fc.jsonValue(), fc.string({ unit: 'binary' }), fc.constantFrom(token, keyAuthorization))
  holds(
    t,
    'whatever is read is fit to be served: nothing in it ends a line or a word',
    fc.property(value, value, value, (token, keyAuthorization, identifier) => {
      const read = readChallenge({ token, keyAuthorization, identifier })
      if (typeof read === 'string') return true
      if (!isOfType(read, 'http-01')) return false
      return /^[\w-]{16,128}\.[\w-]{1,128}$/.test(read.keyAuthorization) && !/\s/.test(read.identifier)
    }),
    { numRuns: 1_000 },
  )
  t.end()
})
