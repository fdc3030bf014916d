import t from 'tap'
import { readAcmetoolCall } from '../../../src/client/acmetool/call.js'
import { DIGEST, given, one, refuses } from '../given.js'

const event = (name: string, token = one.token) => [name, one.identifier, 'target', token]
const read = (words: readonly string[], input?: string) =>
  readAcmetoolCall(given(words, input === undefined ? {} : { input: () => input }))

t.test('the key authorization comes on standard input, with or without a line end', (t) => {
  for (const input of [one.keyAuthorization, `${one.keyAuthorization}\n`])
    t.strictSame(read(event('challenge-http-start'), input), { op: 'arm', challenges: [one] })
  t.end()
})

t.test('a stop needs no standard input', (t) => {
  t.strictSame(read(event('challenge-http-stop')), {
    op: 'disarm',
    wereArmed: false,
    challenges: [{ identifier: one.identifier, token: one.token }],
  })
  t.end()
})

t.test('the value of dns-01 is an argument, and dns-01 is taken only if the user wants it', (t) => {
  const readWith = (...words: string[]) => readAcmetoolCall(given(words, { types: ['http-01', 'dns-01'] }))
  const challenge = { type: 'dns-01', token: DIGEST, digest: DIGEST, identifier: 'a.example' }
  for (const more of [[], [''], ['wildcard']]) {
    const words = ['a.example', 'target', DIGEST, ...more]
    t.strictSame(readWith('challenge-dns-start', ...words), { op: 'arm', challenges: [challenge] })
    t.strictSame(readWith('challenge-dns-stop', ...words), {
      op: 'disarm',
      wereArmed: false,
      challenges: [{ identifier: 'a.example', type: 'dns-01', token: DIGEST }],
    })
    t.strictSame(read(['challenge-dns-start', ...words]), { op: 'other', alone: 42 })
  }
  for (const [words, cause] of [
    [['challenge-dns-start', 'a.example', DIGEST], /takes HOST, TARGETFILE and VALUE, and got 2 arguments/],
    [['challenge-dns-stop', 'a.example', '', one.keyAuthorization], /^VALUE of acmetool is no value of dns-01/],
    [['challenge-dns-start', 'a b', '', DIGEST], /^HOST of acmetool is no domain name/],
  ] as const)
    refuses(t, () => readWith(...words), 'hook-arguments', cause, words.join(' '))
  t.end()
})

t.test('the target file may be empty', (t) => {
  t.match(read(['challenge-http-start', one.identifier, '', one.token], one.keyAuthorization), { op: 'arm' })
  t.end()
})

t.test('every other event is for others, and status 42 says so', (t) => {
  for (const words of [['live-updated'], ['challenge-dns-start', 'a.example', 'target', 'digest'], ['of-tomorrow']])
    t.strictSame(read(words), { op: 'other', alone: 42 }, words.join(' '))
  t.end()
})

t.test('what acmetool never gives is refused', (t) => {
  const table: readonly (readonly [readonly string[], string, RegExp])[] = [
    [[], '', /without an event/],
    [['challenge-http-start'], '', /got 0 arguments/],
    [['challenge-http-start', 'a.example', one.token], one.keyAuthorization, /got 2 arguments/],
    [['challenge-http-stop', 'a.example', 'target', one.token, 'more'], '', /got 4 arguments/],
    [event('challenge-http-start', 'short'), 'short.print', /^TOKEN /],
    [event('challenge-http-start'), '', /standard input/],
    [event('challenge-http-start'), 'x'.repeat(4_096), /standard input/],
    [event('challenge-http-stop', 'a token'), '', /^TOKEN /],
  ]
  for (const [words, input, cause] of table)
    refuses(t, () => read(words, input), 'hook-arguments', cause, words.join(' '))
  t.end()
})
