import t from 'tap'
import { http01Service } from '../../../src/challenge/http-01/service.js'
import type { Recognised } from '../../../src/intercept/service.js'
import { fromText, toText } from '../../fixtures/hex.js'

const challenges = new Map([['some-token', 'some-token.thumbprint']])
const line = (method = 'GET', token = 'some-token') => `${method} /.well-known/acme-challenge/${token} HTTP/1.1\r\n`
const recognise = (text: string) => http01Service(challenges).recognise(fromText(text))

/** Returns what the service sends on a connection, with `FIN` for its end. */
function converse(method?: string) {
  const sent: string[] = []
  const { open } = recognise(line(method)) as Recognised
  const conversation = open?.({ send: (bytes) => sent.push(toText(bytes)), end: () => sent.push('FIN') })
  if (!conversation) throw new Error('not armed')
  return { conversation, sent, receive: (text: string) => conversation.receive(fromText(text)) }
}

t.test('half a request line may become one, another never will', (t) => {
  t.equal(recognise('GET /.well-'), 'partial')
  t.equal(recognise('GET /index.html HTTP/1.1\r\n'), 'other')
  t.end()
})

t.test('a request for a token that is not armed is recognised, and not opened', (t) => {
  t.same(recognise(line('GET', 'another')), { key: 'another' })
  t.end()
})

t.test('a challenge that is armed later is found: the map is looked at anew', (t) => {
  const later = new Map<string, string>()
  const service = http01Service(later)
  later.set('some-token', 'x')
  t.type((service.recognise(fromText(line())) as Recognised).open, 'function')
  t.end()
})

t.test('the blank line brings the reply and the end, once', (t) => {
  const { conversation, sent, receive } = converse()
  receive(line())
  receive('Host: example.com\r\n\r')
  t.same(sent, [])
  t.equal(conversation.answer, undefined)
  receive('\n')
  t.match(sent, [/^HTTP\/1\.1 200 OK\r\n.*\r\n\r\nsome-token\.thumbprint$/s, 'FIN'])
  t.same(conversation.answer, { status: 200, bytes: 'some-token.thumbprint'.length })
  receive('\r\n\r\n')
  conversation.end()
  t.equal(sent.length, 2)
  t.end()
})

t.test('HEAD gets no content, and is told so', (t) => {
  const { conversation, sent, receive } = converse('HEAD')
  receive(`${line('HEAD')}\r\n`)
  t.match(sent, [/\r\nContent-Length: 21\r\nConnection: close\r\n\r\n$/, 'FIN'])
  t.same(conversation.answer, { status: 200, bytes: 0 })
  t.end()
})

t.test('a client that closes in the middle of the head gets the end and no reply', (t) => {
  const { conversation, sent, receive } = converse()
  receive(line())
  conversation.end()
  t.same(sent, ['FIN'])
  t.equal(conversation.answer, undefined)
  t.end()
})
