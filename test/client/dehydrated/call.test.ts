import t from 'tap'
import { readDehydratedCall } from '../../../src/client/dehydrated/call.js'
import { DIGEST, given, one, refuses, two } from '../given.js'

const triple = ({ identifier, token, keyAuthorization }: typeof one) => [identifier, token, keyAuthorization]
const read = (words: readonly string[], environment: Record<string, string> = {}) =>
  readDehydratedCall(given(words, { environment }))

t.test('a challenge is armed and disarmed, and with HOOK_CHAIN=yes many are in one call', (t) => {
  t.strictSame(read(['deploy_challenge', ...triple(one)]), { op: 'arm', challenges: [one] })
  const both = [...triple(one), ...triple(two)]
  t.strictSame(read(['deploy_challenge', ...both], { CHALLENGETYPE: 'http-01' }), { op: 'arm', challenges: [one, two] })
  t.strictSame(read(['clean_challenge', ...both]), {
    op: 'disarm',
    wereArmed: true,
    challenges: [one, two].map(({ token, identifier }) => ({ identifier, token })),
  })
  t.end()
})

t.test('every other operation is for others, and wants status 0', (t) => {
  const operations = [
    'startup_hook',
    'generate_csr',
    'deploy_cert',
    'exit_hook',
    'invalid_challenge',
    '',
    'this_hookscript_is_broken__dehydrated_is_working_fine__please_ignore_unknown_hooks_in_your_script',
  ]
  for (const operation of operations) t.strictSame(read([operation, 'x', 'y']), { op: 'other', alone: 0 }, operation)
  t.end()
})

t.test('with dns-01 the digest stands in place of the key authorization', (t) => {
  const environment = { CHALLENGETYPE: 'dns-01' }
  const other = DIGEST.replace('-', 'b')
  const words = ['a.example', one.token, DIGEST, 'a.example', two.token, other]
  t.strictSame(read(['deploy_challenge', ...words], environment), {
    op: 'arm',
    challenges: [DIGEST, other].map((digest) => ({ type: 'dns-01', token: digest, digest, identifier: 'a.example' })),
  })
  t.strictSame(read(['clean_challenge', ...words], environment), {
    op: 'disarm',
    wereArmed: true,
    challenges: [DIGEST, other].map((token) => ({ identifier: 'a.example', type: 'dns-01', token })),
  })
  for (const operation of ['deploy_challenge', 'clean_challenge'])
    refuses(
      t,
      () => read([operation, 'a.example', one.token, one.keyAuthorization], environment),
      'hook-arguments',
      /^KEYAUTH of dehydrated is no value of dns-01/,
      operation,
    )
  t.end()
})

t.test('with tls-alpn-01 the digest has hexadecimal digits, and an address is given by its reverse name', (t) => {
  const environment = { CHALLENGETYPE: 'tls-alpn-01' }
  const hex = Buffer.from(DIGEST, 'base64url').toString('hex').match(/../g)?.join(':') ?? ''
  const words = ['a.example', one.token, hex, '1.2.0.192.in-addr.arpa', two.token, hex.toUpperCase()]
  const challenge = { type: 'tls-alpn-01', digest: DIGEST }
  t.strictSame(read(['deploy_challenge', ...words], environment), {
    op: 'arm',
    challenges: [
      { ...challenge, token: one.token, identifier: 'a.example' },
      { ...challenge, token: two.token, identifier: '192.0.2.1' },
    ],
  })
  t.match(read(['clean_challenge', ...words.slice(0, 3)], environment), {
    op: 'disarm',
    challenges: [{ identifier: 'a.example', type: 'tls-alpn-01', token: one.token }],
  })
  for (const digest of [hex.slice(3), `${hex}:00`, one.keyAuthorization, ''])
    refuses(
      t,
      () => read(['deploy_challenge', 'a.example', one.token, digest], environment),
      'hook-arguments',
      /^KEYAUTH of dehydrated is no SHA-256 digest of tls-alpn-01$/,
      digest,
    )
  t.end()
})

t.test('another challenge type is for others; alone, its deploy fails', (t) => {
  const environment = { CHALLENGETYPE: 'of-tomorrow-01' }
  t.match(read(['deploy_challenge', 'a.example', one.token, 'digest'], environment), {
    op: 'other',
    alone: { code: 'challenge-type', message: 'dehydrated asks for of-tomorrow-01' },
  })
  t.strictSame(read(['clean_challenge', 'a.example', one.token, 'digest'], environment), { op: 'other', alone: 0 })
  t.end()
})

t.test('what dehydrated never gives is refused, the whole chain', (t) => {
  const table: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /without an operation/],
    [['deploy_challenge'], /got 0 arguments/],
    [['deploy_challenge', ...triple(one), 'b.example', two.token], /got 5 arguments/],
    [['clean_challenge', 'a.example'], /got 1 arguments/],
    [['deploy_challenge', ...triple(one), 'b.example', 'short', 'short.print'], /^TOKEN .* 16 to 128/],
    [['deploy_challenge', 'a.example', one.token, two.keyAuthorization], /^KEYAUTH /],
    [['deploy_challenge', 'a b', one.token, one.keyAuthorization], /^DOMAIN /],
    [['clean_challenge', 'a.example', '../../etc/passwd!', 'x'], /^TOKEN /],
  ]
  for (const [words, cause] of table) refuses(t, () => read(words), 'hook-arguments', cause, words.join(' '))
  t.end()
})
