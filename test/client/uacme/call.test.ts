import t from 'tap'
import { readUacmeCall } from '../../../src/client/uacme/call.js'
import { given, one, refuses, two } from '../given.js'

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
