import t from 'tap'
import { readUacmeCall } from '../../../src/client/uacme/call.js'
import { DIGEST, given, one, refuses, two } from '../given.js'

const read = (...words: string[]) => readUacmeCall(given(words))
const wordsOf = ({ identifier, token, keyAuthorization }: typeof one) => [identifier, token, keyAuthorization]

t.test('begin arms; done and failed disarm', (t) => {
  for (const challenge of [one, two]) {
    t.strictSame(read('begin', 'http-01', ...wordsOf(challenge)), { op: 'arm', challenges: [challenge] })
    for (const method of ['done', 'failed'])
      t.strictSame(read(method, 'http-01', ...wordsOf(challenge)), {
        op: 'disarm',
        wereArmed: true,
        challenges: [{ identifier: challenge.identifier, token: challenge.token }],
      })
  }
  t.end()
})

t.test('dns-01 is taken only if the user wants it, and AUTH is its value', (t) => {
  const readWith = (...words: string[]) => readUacmeCall(given(words, { types: ['dns-01'] }))
  const words = ['dns-01', 'a.example', one.token, DIGEST]
  t.strictSame(readWith('begin', ...words), {
    op: 'arm',
    challenges: [{ type: 'dns-01', token: DIGEST, digest: DIGEST, identifier: 'a.example' }],
  })
  t.strictSame(readWith('failed', ...words), {
    op: 'disarm',
    wereArmed: true,
    challenges: [{ identifier: 'a.example', type: 'dns-01', token: DIGEST }],
  })
  t.strictSame(readWith('begin', 'http-01', ...wordsOf(one)), { op: 'other', alone: 1 }, 'http-01 is declined then')
  for (const method of ['begin', 'done'])
    refuses(
      t,
      () => readWith(method, 'dns-01', 'a.example', one.token, 'short'),
      'hook-arguments',
      /^AUTH of uacme is no value of dns-01/,
      method,
    )
  refuses(
    t,
    () => readWith('begin', 'dns-01', '', one.token, DIGEST),
    'hook-arguments',
    /^IDENT .* no domain name/,
    'name',
  )
  t.end()
})

t.test('tls-alpn-01 is taken only if the user wants it, and AUTH is its digest', (t) => {
  const readWith = (...words: string[]) => readUacmeCall(given(words, { types: ['tls-alpn-01'] }))
  const words = ['tls-alpn-01', '2001:db8::1', one.token, DIGEST]
  t.strictSame(readWith('begin', ...words), {
    op: 'arm',
    challenges: [{ type: 'tls-alpn-01', token: one.token, digest: DIGEST, identifier: '2001:db8::1' }],
  })
  t.strictSame(readWith('done', ...words), {
    op: 'disarm',
    wereArmed: true,
    challenges: [{ identifier: '2001:db8::1', type: 'tls-alpn-01', token: one.token }],
  })
  const refused = (identifier: string, auth: string, why: RegExp) =>
    refuses(t, () => readWith('begin', 'tls-alpn-01', identifier, one.token, auth), 'hook-arguments', why, auth)
  refused('a.example', one.keyAuthorization, /^AUTH of uacme is no SHA-256 digest of tls-alpn-01$/)
  refused('', DIGEST, /^IDENT of uacme is no domain name or IP address$/)
  t.end()
})

t.test('another challenge type is declined, so that uacme offers the next', (t) => {
  for (const method of ['begin', 'done', 'failed'])
    for (const type of ['dns-01', 'tls-alpn-01', 'of-tomorrow-01'])
      t.strictSame(read(method, type, 'a.example', one.token, 'digest'), { op: 'other', alone: 1 }, `${method} ${type}`)
  t.end()
})

t.test('what uacme never gives is refused', (t) => {
  const table: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /got 0 arguments/],
    [['begin', 'http-01', 'a.example', one.token], /got 4 arguments/],
    [['begin', 'http-01', ...wordsOf(one), 'more'], /got 6 arguments/],
    [['start', 'http-01', ...wordsOf(one)], /^METHOD /],
    [['begin', 'http-01', 'a.example', 'short', 'short.print'], /^TOKEN /],
    [['begin', 'http-01', 'a.example', one.token, 'digest'], /^AUTH /],
    [['begin', 'http-01', '', one.token, one.keyAuthorization], /^IDENT /],
    [['done', 'http-01', 'a.example', 'short', ''], /^TOKEN /],
  ]
  for (const [words, cause] of table) refuses(t, () => read(...words), 'hook-arguments', cause, words.join(' '))
  t.end()
})
