import fc from 'fast-check'
import t from 'tap'
import { isOfType } from '../../../src/challenge/challenge.js'
import { challengeIn, knownIn, type Environment } from '../../../src/client/certbot/environment.js'
import { Failure } from '../../../src/failure.js'
import { holds } from '../../holds.js'

const token = 'evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA'
const thumbprint = 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs'
const whole: Environment = {
  CERTBOT_TOKEN: token,
  CERTBOT_VALIDATION: `${token}.${thumbprint}`,
  CERTBOT_DOMAIN: 'a.example',
}

t.test('what certbot gives is a challenge', (t) => {
  t.strictSame(challengeIn(whole), { token, keyAuthorization: `${token}.${thumbprint}`, identifier: 'a.example' })
  t.end()
})

t.test('the identifier comes before the domain, and may be an address', (t) => {
  const table = [
    [{ CERTBOT_IDENTIFIER: 'b.example' }, 'b.example'],
    [{ CERTBOT_IDENTIFIER: '192.0.2.1' }, '192.0.2.1'],
    [{ CERTBOT_IDENTIFIER: '2001:db8::1', CERTBOT_DOMAIN: undefined }, '2001:db8::1'],
    [{ CERTBOT_IDENTIFIER: '' }, 'a.example'],
    [{ CERTBOT_DOMAIN: 'xn--bcher-kva.example' }, 'xn--bcher-kva.example'],
    [{ CERTBOT_DOMAIN: 'bücher.example' }, 'bücher.example'],
    [{ CERTBOT_DOMAIN: '_acme.a_b.example.' }, '_acme.a_b.example.'],
  ] as const
  for (const [more, identifier] of table) t.equal(challengeIn({ ...whole, ...more }).identifier, identifier)
  t.end()
})

t.test('a bad environment is refused with the reason', (t) => {
  const withToken = (text: string): Environment => ({
    CERTBOT_TOKEN: text,
    CERTBOT_VALIDATION: `${text}.${thumbprint}`,
  })
  const table: readonly (readonly [string, Environment, string, RegExp])[] = [
    [
      'not called by certbot',
      { CERTBOT_TOKEN: undefined, CERTBOT_VALIDATION: undefined },
      'token-missing',
      /to be called by certbot$/,
    ],
    ['no token', { CERTBOT_TOKEN: undefined }, 'validation-malformed', /no value of dns-01: 43 characters/],
    ['an empty token', { CERTBOT_TOKEN: '' }, 'validation-malformed', /^CERTBOT_TOKEN is not set/],
    [
      'an empty token and an empty validation',
      { CERTBOT_TOKEN: '', CERTBOT_VALIDATION: '' },
      'token-missing',
      /to be called by certbot$/,
    ],
    [
      'a value of dns-01 with padding',
      { CERTBOT_TOKEN: undefined, CERTBOT_VALIDATION: `${thumbprint}=` },
      'validation-malformed',
      /dns-01/,
    ],
    ['a token of 15 characters', withToken('x'.repeat(15)), 'token-malformed', /base64url of 16 to 128 characters$/],
    ['a token of 129 characters', withToken('x'.repeat(129)), 'token-malformed', /base64url/],
    ['a token with a slash', withToken(`../../etc/passwd${token}`), 'token-malformed', /base64url/],
    ['a token with a plus', withToken(`${token}+`), 'token-malformed', /base64url/],
    ['a token with padding', withToken(`${token}=`), 'token-malformed', /base64url/],
    ['a token with a line end', withToken(`${token}\n`), 'token-malformed', /base64url/],
    ['a token with a space', withToken(`${token} `), 'token-malformed', /base64url/],
    [
      'no validation',
      { CERTBOT_VALIDATION: undefined },
      'validation-malformed',
      /^CERTBOT_VALIDATION is not CERTBOT_TOKEN, a dot and/,
    ],
    ['an empty validation', { CERTBOT_VALIDATION: '' }, 'validation-malformed', /CERTBOT_VALIDATION/],
    [
      'the validation of another token',
      { CERTBOT_VALIDATION: `${token.replace('e', 'f')}.${thumbprint}` },
      'validation-malformed',
      /CERTBOT_VALIDATION/,
    ],
    [
      'a validation without a thumbprint',
      { CERTBOT_VALIDATION: `${token}.` },
      'validation-malformed',
      /CERTBOT_VALIDATION/,
    ],
    [
      'a validation without a dot',
      { CERTBOT_VALIDATION: `${token}${thumbprint}` },
      'validation-malformed',
      /CERTBOT_VALIDATION/,
    ],
    [
      'a validation with a second dot',
      { CERTBOT_VALIDATION: `${token}.${thumbprint}.x` },
      'validation-malformed',
      /CERTBOT_VALIDATION/,
    ],
    [
      'a validation with a line end',
      { CERTBOT_VALIDATION: `${token}.${thumbprint}\n` },
      'validation-malformed',
      /CERTBOT_VALIDATION/,
    ],
    [
      'a thumbprint of 129 characters',
      { CERTBOT_VALIDATION: `${token}.${'x'.repeat(129)}` },
      'validation-malformed',
      /CERTBOT_VALIDATION/,
    ],
    [
      'nobody to validate',
      { CERTBOT_DOMAIN: undefined },
      'identifier-missing',
      /^neither CERTBOT_IDENTIFIER nor CERTBOT_DOMAIN is set$/,
    ],
    ['an empty domain', { CERTBOT_DOMAIN: '' }, 'identifier-missing', /is set$/],
    [
      'a domain with a line end',
      { CERTBOT_DOMAIN: 'a.example\nb.example' },
      'identifier-missing',
      /no domain name or IP address$/,
    ],
    ['a domain with a space', { CERTBOT_DOMAIN: 'a example' }, 'identifier-missing', /no domain name/],
    [
      'a wildcard, which certbot passes as its base',
      { CERTBOT_DOMAIN: '*.a.example' },
      'identifier-missing',
      /no domain name/,
    ],
    ['a domain of 256 characters', { CERTBOT_DOMAIN: 'x'.repeat(256) }, 'identifier-missing', /no domain name/],
    ['a bad identifier before a good domain', { CERTBOT_IDENTIFIER: 'a b' }, 'identifier-missing', /no domain name/],
  ]
  for (const [what, change, code, message] of table)
    t.throws(() => challengeIn({ ...whole, ...change }), { name: 'Failure', code, message }, what)
  t.end()
})

t.test('the shortest and the longest are taken', (t) => {
  for (const [ofToken, ofThumbprint] of [
    [16, 1],
    [128, 128],
  ] as const) {
    const [short, print] = ['x'.repeat(ofToken), 'y'.repeat(ofThumbprint)]
    t.match(challengeIn({ ...whole, CERTBOT_TOKEN: short, CERTBOT_VALIDATION: `${short}.${print}` }), {
      token: short,
      keyAuthorization: `${short}.${print}`,
    })
  }
  t.end()
})

t.test('a value without a token is dns-01, and a wildcard has the name of its base', (t) => {
  const environment = { CERTBOT_VALIDATION: thumbprint, CERTBOT_DOMAIN: 'a.example' }
  const expected = { type: 'dns-01', token: thumbprint, digest: thumbprint, identifier: 'a.example' }
  t.strictSame(challengeIn(environment), expected)
  t.strictSame(challengeIn({ ...environment, CERTBOT_TOKEN: '' }), expected)
  t.end()
})

t.test('a cleanup needs the token alone, or the value of dns-01', (t) => {
  t.strictSame(knownIn({ CERTBOT_TOKEN: token }), { type: 'http-01', token })
  t.strictSame(knownIn({ CERTBOT_VALIDATION: thumbprint }), { type: 'dns-01', token: thumbprint })
  t.throws(() => knownIn({}), { code: 'token-missing' })
  t.throws(() => knownIn({ CERTBOT_TOKEN: 'short' }), { code: 'token-malformed' })
  t.throws(() => knownIn({ CERTBOT_VALIDATION: 'short' }), { code: 'validation-malformed' })
  t.end()
})

t.test('properties', (t) => {
  const base64url = fc.string({ unit: fc.constantFrom(...'ABCXYZabcxyz0189-_'), minLength: 1, maxLength: 140 })
  const text = fc.oneof(fc.constant(undefined), base64url, fc.string({ unit: 'binary' }))
  const environments = fc.oneof(
    fc.record({ CERTBOT_TOKEN: text, CERTBOT_VALIDATION: text, CERTBOT_IDENTIFIER: text, CERTBOT_DOMAIN: text }),
    fc.tuple(base64url, text, text).map(([CERTBOT_TOKEN, rest, CERTBOT_DOMAIN]) => ({
      CERTBOT_TOKEN,
      CERTBOT_VALIDATION: `${CERTBOT_TOKEN}.${rest ?? ''}`,
      CERTBOT_DOMAIN,
    })),
  )
  holds(
    t,
    'any environment is read as a challenge fit to be served, or refused by a Failure of one line',
    fc.property(environments, (environment) => {
      try {
        const challenge = challengeIn(environment)
        if (isOfType(challenge, 'dns-01')) return /^[\w-]{43}$/.test(challenge.digest)
        return (
          isOfType(challenge, 'http-01') &&
          challenge.keyAuthorization.startsWith(`${challenge.token}.`) &&
          /^[\w-]{16,128}\.[\w-]{1,128}$/.test(challenge.keyAuthorization) &&
          !/\s/.test(challenge.identifier)
        )
      } catch (thrown) {
        return thrown instanceof Failure && !thrown.message.includes('\n')
      }
    }),
    { numRuns: 1_000 },
  )
  t.end()
})
