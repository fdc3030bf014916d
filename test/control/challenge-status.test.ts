import fc from 'fast-check'
import t from 'tap'
import { readChallengeStatus } from '../../src/control/challenge-status.js'
import { holds } from '../holds.js'

const at = '2030-01-02T03:04:07.000Z'
const visit = { at, client: '[2001:db8::2]:50000', state: 'acknowledged', answer: { status: 200, bytes: 87 } }
const strays = { count: 2, at, client: '192.0.2.2:40000', token: 'other_token-1' }
const status = {
  token: 'token_1-x',
  identifier: 'bücher.example',
  port: 80,
  armedAt: at,
  expiresIn: 3599,
  visits: [visit],
  strays,
}

t.test('what a responder says of a challenge is read as it is', (t) => {
  for (const each of [
    status,
    { ...status, visits: [] },
    { ...status, strays: undefined },
    { ...status, visits: [{ ...visit, answer: undefined }] },
    { ...status, visits: [{ ...visit, state: 'answered', transport: 'udp' }] },
  ]) {
    t.same(readChallengeStatus(each), JSON.parse(JSON.stringify(each)))
  }
  t.strictSame(
    readChallengeStatus({ ...status, more: 1, visits: [{ ...visit, more: [[]] }] }),
    status,
    'what has no word is left out',
  )
  t.match(
    readChallengeStatus({ ...status, visits: [{ ...visit, state: 'taken over' }] }),
    { visits: [{ state: 'takenOver' }] },
    'as older responders say it',
  )
  t.end()
})

t.test('what is not there, or of another shape, is not read', (t) => {
  const others = [
    ...[undefined, null, 'token', 7, [], {}],
    ...Object.keys(status)
      .filter((name) => name !== 'strays')
      .map((name) => ({ ...status, [name]: undefined })),
    { ...status, visits: [null] },
    { ...status, visits: [{ ...visit, state: 'enlightened' }] },
    { ...status, visits: [{ ...visit, answer: { status: '200', bytes: 1 } }] },
    ...[null, 'yes', [200, 1]].map((answer) => ({ ...status, visits: [{ ...visit, answer }] })),
    { ...status, visits: { length: 1 } },
    { ...status, strays: { ...strays, count: -1 } },
    { ...status, port: 80.5 },
    { ...status, identifier: 'x'.repeat(256) },
    { ...status, visits: Array(1_001).fill(visit) },
  ]
  for (const other of others) t.equal(readChallengeStatus(other), undefined, JSON.stringify(other))
  t.end()
})

t.test('nothing that a terminal would obey is read', (t) => {
  for (const text of ['\u001b[2J', 'a\nb', 'a\rb', '\u0007', 'a b', '\u202e', '\u009b', 'a\u200b', '\ud800']) {
    for (const other of [
      { ...status, identifier: text },
      { ...status, visits: [{ ...visit, client: text }] },
      { ...status, strays: { ...strays, token: text } },
    ]) {
      t.equal(readChallengeStatus(other), undefined, JSON.stringify(text))
    }
  }
  t.end()
})

t.test('properties', (t) => {
  holds(
    t,
    'nothing makes it throw',
    fc.property(fc.anything(), fc.jsonValue(), (value, visits) => {
      readChallengeStatus(value)
      readChallengeStatus({ ...status, visits: [visits], strays: visits })
      return true
    }),
  )
  t.end()
})
