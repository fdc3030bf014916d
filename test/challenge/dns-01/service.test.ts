import t from 'tap'
import { dns01Datagrams } from '../../../src/challenge/dns-01/datagrams.js'
import { challengeName } from '../../../src/challenge/dns-01/names.js'
import { LONGEST_QUERY } from '../../../src/challenge/dns-01/selector.js'
import { dns01Service } from '../../../src/challenge/dns-01/service.js'
import type { Conversation } from '../../../src/intercept/service.js'
import { TYPES } from '../../../src/wire/dns/dns.js'
import { read16 } from '../../../src/wire/ip.js'
import { dnsName, dnsQuery, plainDnsQuery } from '../../fixtures/dns.js'
import { fromHex, toText } from '../../fixtures/hex.js'
import { known } from '../../fixtures/known.js'
import { framed, queryFor, valuesIn } from './queries.js'

const values = ['gfj9Xq-Rg85nM3xPh5Qs_1', 'LoqXcYV8q5ONbJQxbmR7SC']
const armed = new Map([[dnsName, values]])
const names = { valuesOf: (name: string) => armed.get(name) ?? [] }
const ours = { ...names, isZoneOurs: () => true }
const other = queryFor('_acme-challenge.www.example.com')
const stranger = queryFor('www.example.com')

/** Opens a conversation at a whole start, and notes what it does. */
function converse(start: Uint8Array) {
  const sent: Uint8Array[] = []
  let isEnded = false
  const recognised = dns01Service(names).recognise(start)
  const open = known(typeof recognised === 'object' ? recognised.open : undefined)
  const conversation: Conversation = open({ send: (bytes) => sent.push(bytes), end: () => (isEnded = true) })
  const receive = (bytes: Uint8Array) => conversation.receive(bytes)
  return { conversation, receive, sent, isEnded: () => isEnded }
}

t.test('by UDP a query for an armed name is answered with all of its values, and goes on as a response', (t) => {
  const recognised = known(dns01Datagrams(names).recognise(dnsQuery))
  const { reply, onward, answer } = known(recognised.exchange)
  t.equal(recognised.key, dnsName)
  t.same(valuesIn(reply), values)
  t.same(answer, { status: 0, bytes: reply.length })
  t.same(onward, Uint8Array.from([...dnsQuery.subarray(0, 2), 0x81, ...dnsQuery.subarray(3)]))
  t.end()
})

t.test('other types of an armed name have no data, and are no visit; ANY has the values', (t) => {
  for (const type of [1, 28, TYPES.NS, 257, 5, 46]) {
    const { reply, answer } = known(dns01Datagrams(names).recognise(queryFor(dnsName, type))?.exchange)
    t.same(reply.subarray(2, 12), fromHex('8500 0001 0000 0000 0000'), `type ${type}: no error, no records`)
    t.equal(answer, undefined)
  }
  t.same(valuesIn(known(dns01Datagrams(names).recognise(queryFor(dnsName, TYPES.ANY))?.exchange).reply), values)
  t.end()
})

t.test('what only the server of the zone can say, and names that are not armed, are for the server', (t) => {
  for (const type of [TYPES.SOA, TYPES.DS, TYPES.OPT, 250, 251, 252])
    t.equal(dns01Datagrams(names).recognise(queryFor(dnsName, type)), undefined, `type ${type}`)
  t.same(dns01Datagrams(names).recognise(other), { key: '_acme-challenge.www.example.com' })
  t.equal(dns01Datagrams(names).recognise(stranger), undefined)
  t.equal(dns01Datagrams(names).recognise(queryFor('_acme-challenge')), undefined)
  t.equal(dns01Datagrams(names).recognise(fromHex('00')), undefined)
  t.end()
})

t.test('in a zone of our own the name has SOA and NS, and a negative answer has the SOA', (t) => {
  const reply = (type: number) => known(dns01Datagrams(ours).recognise(queryFor(dnsName, type))?.exchange).reply
  const counts = (type: number) => [6, 8].map((at) => read16(reply(type), at))
  t.same(counts(TYPES.SOA), [1, 0])
  t.same(counts(TYPES.NS), [1, 0])
  t.same(counts(1), [0, 1])
  t.same(counts(TYPES.DS), [0, 1])
  t.same(counts(TYPES.TXT), [2, 0])
  t.ok(toText(reply(TYPES.NS)).endsWith('\0\x02\xc0\x1c'), 'its server is the name that is validated')
  t.equal(reply(TYPES.NS)[28], 7, 'which begins there')
  t.end()
})

t.test('more values than fit into a datagram are truncated, and TCP has all of them', (t) => {
  const many = Array.from({ length: 100 }, (_, index) => String(index).padStart(43, 'x'))
  armed.set('_acme-challenge.many.example', many)
  const query = queryFor('_acme-challenge.many.example')
  const { reply, answer } = known(dns01Datagrams(names).recognise(query)?.exchange)
  t.equal(read16(reply, 2), 0x8700)
  t.same(answer, { status: 0, bytes: query.length }, 'it is a visit')
  const { sent, receive } = converse(framed(query))
  receive(framed(query))
  const [message] = sent
  t.same(valuesIn(known(message)), many)
  t.equal(read16(known(message), 0), known(message).length - 2)
  t.end()
})

t.test('by TCP a query is recognised when it is whole, wherever it is split', (t) => {
  const whole = framed(dnsQuery)
  const { recognise, longestStart } = dns01Service(names)
  t.same(
    Array.from(whole, (_, length) => recognise(whole.subarray(0, length))).filter((result) => result !== 'partial'),
    [],
  )
  t.match(recognise(whole), { key: dnsName })
  t.match(recognise(framed(dnsQuery, stranger)), { key: dnsName }, 'whatever comes after it')
  t.same(recognise(framed(other)), { key: '_acme-challenge.www.example.com' })
  t.equal(longestStart, 2 + LONGEST_QUERY)
  t.end()
})

t.test('by TCP anything else is other as soon as that is certain', (t) => {
  const { recognise } = dns01Service(names)
  const start = framed(plainDnsQuery)
  const changed = (at: number, byte: number) => {
    const copy = start.slice(0, at + 1)
    copy[at] = byte
    return copy
  }
  t.equal(recognise(changed(0, 2)), 'other', 'a length above 511')
  t.equal(recognise(changed(4, 0x81)), 'other', 'a response')
  t.equal(recognise(changed(7, 2)), 'other', 'two questions')
  t.equal(recognise(changed(14, 3)), 'other', 'another label')
  t.equal(recognise(changed(20, 0x58)), 'other', 'another letter')
  t.equal(recognise(Buffer.from('GET / HTTP/1.1')), 'other')
  t.equal(recognise(framed(plainDnsQuery.subarray(0, -1))), 'other', 'a message that is cut off')
  t.equal(recognise(framed(queryFor(dnsName, TYPES.DS))), 'other', 'a type for the server')
  t.end()
})

t.test('a connection stays open for further queries, however they are split, until one is not ours', (t) => {
  const { conversation, receive, sent, isEnded } = converse(framed(plainDnsQuery))
  const queries = framed(plainDnsQuery, queryFor(dnsName, 1), dnsQuery)
  for (const byte of queries) receive(Uint8Array.of(byte))
  t.same(
    sent.map((message) => valuesIn(message).length),
    [2, 0, 2],
  )
  t.match(conversation.answer, { status: 0 })
  t.notOk(isEnded())
  receive(framed(plainDnsQuery, other, plainDnsQuery))
  t.equal(sent.length, 5, 'what comes with it is answered')
  conversation.tick?.()
  t.notOk(isEnded())
  receive(framed(plainDnsQuery, stranger))
  t.equal(sent.length, 6, 'and what comes shortly after it')
  conversation.tick?.()
  t.ok(isEnded(), 'but others are not kept waiting')
  receive(framed(plainDnsQuery))
  t.equal(sent.length, 6)
  t.end()
})

t.test('a conversation ends with the client, after a hundred queries, and at a message that is too long', (t) => {
  const one = converse(framed(plainDnsQuery))
  one.conversation.end()
  t.ok(one.isEnded())
  const many = converse(framed(plainDnsQuery))
  many.receive(framed(...Array.from({ length: 101 }, () => plainDnsQuery)))
  t.ok(many.isEnded())
  t.equal(many.sent.length, 100)
  const long = converse(framed(plainDnsQuery))
  long.receive(fromHex('0200'))
  t.ok(long.isEnded())
  t.equal(long.conversation.answer, undefined)
  t.end()
})

t.test('a connection is kept as long as its name is armed', (t) => {
  const name = '_acme-challenge.short.example'
  armed.set(name, values)
  const { conversation, isEnded } = converse(framed(queryFor(name)))
  conversation.tick?.()
  t.notOk(isEnded())
  armed.delete(name)
  conversation.tick?.()
  t.ok(isEnded())
  t.end()
})

t.test('a name is asked for in lower case, and without its last dot', (t) => {
  t.equal(challengeName('Example.COM.'), dnsName)
  t.end()
})
