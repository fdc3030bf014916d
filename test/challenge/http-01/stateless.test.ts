import t from 'tap'
import { http01Service } from '../../../src/challenge/http-01/service.js'
import { isAnsweredFor, isThumbprint, statelessAnswer } from '../../../src/challenge/http-01/stateless.js'
import type { Recognition, Recognised } from '../../../src/intercept/service.js'
import { fromText, toText } from '../../fixtures/hex.js'

const thumbprint = '9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI'
const armed = new Map([['armed-token-of-the-hook', 'armed-token-of-the-hook.other']])
const line = (token: string) => `GET /.well-known/acme-challenge/${token} HTTP/1.1\r\n`

/** Returns what is sent in answer to a whole request. */
function answerOf(recognition: Recognition, request: string): string | undefined {
  let sent = ''
  const { open } = recognition as Recognised
  open?.({ send: (bytes) => (sent += toText(bytes)), end: () => undefined }).receive(fromText(request))
  return open && sent.split('\r\n\r\n')[1]
}

t.test('every token of 16 to 128 characters is answered for the account, unless it is armed', (t) => {
  const service = http01Service(armed, { thumbprint, names: [] })
  for (const token of ['x'.repeat(16), 'A-_9'.repeat(32)]) {
    const request = `${line(token)}\r\n`
    t.equal(answerOf(service.recognise(fromText(line(token))), request), `${token}.${thumbprint}`)
  }
  const [[token, keyAuthorization] = ['', '']] = [...armed]
  t.equal(answerOf(service.recognise(fromText(line(token))), `${line(token)}\r\n`), keyAuthorization)
  t.same(service.recognise(fromText(line('x'.repeat(15)))), { key: 'x'.repeat(15) })
  t.equal(service.recognise(fromText(line('x'.repeat(129)))), 'other')
  for (const token of ['x'.repeat(16) + '.', `${'x'.repeat(16)}%2f`, '<script>alert(1)</script>'])
    t.equal(service.recognise(fromText(line(token))), 'other', token)
  t.equal(statelessAnswer({ thumbprint, names: [] }, 'x'.repeat(15)), undefined)
  t.end()
})

t.test('it can be switched off, and then only what is armed is answered', (t) => {
  let isOn = false
  const service = http01Service(armed, { thumbprint, names: [] }, () => isOn)
  const start = fromText(line('x'.repeat(22)))
  t.same(service.recognise(start), { key: 'x'.repeat(22) })
  isOn = true
  t.type((service.recognise(start) as Recognised).open, 'function')
  t.end()
})

t.test('limited to names, the decision waits for the end of the head; what is armed does not', (t) => {
  const service = http01Service(armed, { thumbprint, names: ['example.com'] })
  const token = 'x'.repeat(22)
  const at = (fields: string) => service.recognise(fromText(line(token) + fields))
  t.equal(at(''), 'partial')
  t.equal(at('Host: example.com\r\n'), 'partial', 'a second one may follow')
  t.equal(answerOf(at('Host: Example.COM.:80\r\n\r\n'), `${line(token)}\r\n`), `${token}.${thumbprint}`)
  for (const fields of ['\r\n', 'Host: example.org\r\n\r\n', 'Host: example.com\r\nHost: example.com\r\n\r\n'])
    t.same(at(fields), { key: token }, JSON.stringify(fields))
  t.same(service.recognise(fromText(line(token).replace('1.1', '1.0') + '\r\n')), { key: token })
  t.same(at(`X: ${'x'.repeat(service.longestStart)}`), { key: token }, 'a head that is too long')
  const [armedToken = ''] = armed.keys()
  t.type((service.recognise(fromText(line(armedToken))) as Recognised).open, 'function')
  t.end()
})

t.test('a name is compared without case, port, brackets and last dot; a star is one label', (t) => {
  const names = ['example.com', '*.example.org', '192.0.2.1', '2001:db8::1']
  const is = (host: string) => isAnsweredFor({ thumbprint, names }, host)
  for (const host of [
    'example.com',
    'EXAMPLE.com.',
    'example.com.:8080',
    'a.example.org',
    '192.0.2.1:80',
    '[2001:DB8::1]:80',
  ])
    t.ok(is(host), host)
  for (const host of [
    '',
    '.',
    ':80',
    'www.example.com',
    'example.org',
    'a.b.example.org',
    '.example.org',
    'example.com..',
    'example.com:',
    'example.com:80:80',
    'example.com:x',
    'http://example.com',
    '2001:db8::1',
    '[example.com]',
    '[2001:db8::1',
    'example.com@evil.example',
    'xexample.com',
  ])
    t.notOk(is(host), host)
  t.ok(isAnsweredFor({ thumbprint, names: [] }, 'any.example'))
  t.end()
})

t.test('a thumbprint is SHA-256 as base64url', (t) => {
  t.ok(isThumbprint(thumbprint))
  for (const wrong of ['', thumbprint.slice(1), `${thumbprint}x`, `${thumbprint.slice(1)}.`, undefined])
    t.notOk(isThumbprint(wrong))
  t.end()
})
