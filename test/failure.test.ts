import fc from 'fast-check'
import t from 'tap'
import { describeFailure, Failure, FIXES, isFailureCode, toFailure, type FailureCode } from '../src/failure.js'
import { holds } from './holds.js'

const codes = Object.keys(FIXES) as FailureCode[]

t.test('a failure says its cause in one line, whatever it was given', (t) => {
  t.equal(new Failure('internal', 'cause').message, 'cause')
  t.equal(new Failure('internal', '\n  cause  \nmore\n').message, 'cause  ')
  t.equal(new Failure('internal', '').message, '')
  t.equal(new Failure('internal', 'cause', { cause: 7 }).cause, 7)
  t.end()
})

t.test('a user reads two lines: who speaks and why, then what to do, with the code to look up', (t) => {
  for (const code of codes) {
    t.equal(
      describeFailure(new Failure(code, 'cause\nmore')),
      `certbot-nfq: cause\n${FIXES[code]} [${code}, docs/errors.md#${code}]`,
    )
    t.ok(
      describeFailure(new Failure(code, 'cause'), '/opt/x/errors.md').endsWith(` [${code}, /opt/x/errors.md#${code}]`),
    )
  }
  t.end()
})

t.test('each piece of advice is one line, and a sentence or a command', (t) => {
  for (const code of codes) {
    t.match(code, /^[a-z]+(-[a-z]+)*$/)
    t.match(FIXES[code], /^[A-Za-z][^\n]+$/, code)
  }
  t.end()
})

t.test('a failure stays what it is; anything else thrown is a fault of ours, with its cause kept', (t) => {
  const failure = new Failure('not-root', 'cause')
  t.equal(toFailure(failure), failure)
  const error = new TypeError('x is undefined\n    at somewhere')
  t.match(toFailure(error), { code: 'internal', message: 'unexpected: x is undefined', cause: error })
  t.match(toFailure('text'), { code: 'internal', message: 'unexpected: text', cause: 'text' })
  t.match(toFailure(undefined), { code: 'internal', message: 'unexpected: undefined' })
  t.end()
})

t.test(
  'a failure of another copy of this module is one too: the hooks are bundled, and load the rest as modules',
  (t) => {
    const other = Object.assign(new Error('cause'), { name: 'Failure', code: 'firewall-failed' })
    t.match(toFailure(other), { code: 'firewall-failed', message: 'cause' })
    const unknown = Object.assign(new Error('cause'), { name: 'Failure', code: 'ENOENT' })
    t.match(toFailure(unknown), { code: 'internal' }, 'unless its code is none of ours')
    t.end()
  },
)

t.test('only the codes of the table are ours', (t) => {
  for (const code of codes) t.ok(isFailureCode(code), code)
  for (const other of ['stopping', 'toString', '__proto__', '', 7, undefined, null, ['internal']])
    t.notOk(isFailureCode(other), String(other))
  t.end()
})

t.test('properties', (t) => {
  holds(
    t,
    'a failure is described in exactly two lines',
    fc.property(
      fc.constantFrom(...codes),
      fc.string({ unit: 'binary' }),
      (code, text) => describeFailure(new Failure(code, text)).split('\n').length === 2,
    ),
  )
  t.end()
})
