import t from 'tap'
import { keyOf, typeOfKey } from '../../src/challenge/key.js'

const [token, digest] = ['evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA', 'gfj9Xq-Rg85nM3xPh5Qs_1gfj9Xq-Rg85nM3xPh5Qs_']

t.test('a validator asks for the name with dns-01, and for the token otherwise', (t) => {
  t.equal(keyOf({ token, keyAuthorization: `${token}.x`, identifier: 'example.com' }), token)
  t.equal(keyOf({ type: 'tls-alpn-01', token, digest, identifier: 'example.com' }), token)
  t.equal(keyOf({ type: 'dns-01', token: digest, digest, identifier: 'Example.com.' }), '_acme-challenge.example.com')
  t.equal(typeOfKey('_acme-challenge.example.com'), 'dns-01')
  for (const key of [token, '_acme-challenge', '_acme-challengeX', 'x_acme-challenge.a'])
    t.equal(typeOfKey(key), 'http-01')
  t.end()
})
