import t from 'tap'
import {
  authOutcomeIn,
  isAuthCalledLast,
  mayBeCalledLast,
  unarmedLine,
} from '../../../src/client/certbot/auth-outcome.js'

const [token, other] = ['token-of-16-chars', 'token-of-16-other']
const certbots = { CERTBOT_REMAINING_CHALLENGES: '0' }
const after = (line: string) => ({ ...certbots, CERTBOT_AUTH_OUTPUT: line.trim() })

t.test('the cleanup hook knows whether auth was called, and whether it has said that it failed', (t) => {
  t.equal(authOutcomeIn(certbots, token), 'uncalled')
  t.equal(authOutcomeIn(after(''), token), 'unknown')
  t.equal(authOutcomeIn(after('what another hook prints'), token), 'unknown')
  t.equal(authOutcomeIn(after(unarmedLine(token)), token), 'failed')
  t.equal(authOutcomeIn(after(`before\n${unarmedLine(token)}after`), token), 'failed')
  t.equal(authOutcomeIn(after(unarmedLine(other)), token), 'uncalled', 'the output for the last certificate')
  t.equal(authOutcomeIn(after(unarmedLine(other, true)), token), 'uncalled')
  t.end()
})

t.test('who calls the cleanup hook by hand has not exchanged anything', (t) => {
  t.equal(authOutcomeIn({}, token), 'unknown')
  t.equal(isAuthCalledLast({ CERTBOT_AUTH_OUTPUT: unarmedLine(token) }, token), false)
  t.end()
})

t.test('the auth hook knows whether the cleanup hook was called in its place', (t) => {
  t.equal(isAuthCalledLast(certbots, token), false)
  t.equal(isAuthCalledLast(after(''), token), false, 'the output for the last certificate')
  t.equal(isAuthCalledLast(after(unarmedLine(other, true)), token), false)
  t.equal(isAuthCalledLast(after(unarmedLine(token)), token), true)
  t.equal(isAuthCalledLast(after(unarmedLine(token, true)), token), 'told')
  t.end()
})

t.test('a hook may be called last when there is an output, be it empty', (t) => {
  t.equal(mayBeCalledLast(certbots), false, 'the first call of a process')
  t.equal(mayBeCalledLast(after('')), true)
  t.equal(mayBeCalledLast({ CERTBOT_AUTH_OUTPUT: '' }), false, 'not certbot')
  t.end()
})
