import t from 'tap'
import { ownReplyTo } from '../../../src/challenge/dns-01/own-reply.js'
import { RCODES, TYPES } from '../../../src/wire/dns/dns.js'
import { read16 } from '../../../src/wire/ip.js'
import { dnsName, dnsQuery, plainDnsQuery } from '../../fixtures/dns.js'
import { known } from '../../fixtures/known.js'
import { queryFor, valuesIn } from './queries.js'

const values = ['gfj9Xq-Rg85nM3xPh5Qs_1', 'LoqXcYV8q5ONbJQxbmR7SC']
const many = Array.from({ length: 40 }, (_, index) => String(index).padStart(43, 'x'))
const names = { valuesOf: (name: string) => (name === dnsName ? values : name.endsWith('.many') ? many : []) }
const rcode = (reply: Uint8Array) => read16(reply, 2) & 0xf
const counts = (reply: Uint8Array) => [4, 6, 8].map((at) => read16(reply, at))

t.test('an armed name has its values, and that is a visit', (t) => {
  const { reply, visit } = known(ownReplyTo(dnsQuery, names))
  t.same(valuesIn(reply), values)
  t.same(visit, { key: dnsName, answer: { status: RCODES.noError, bytes: reply.length } })
  t.end()
})

t.test('it is the top of a zone, which has SOA and NS; other types have no data, and are no visit', (t) => {
  for (const type of [TYPES.SOA, TYPES.NS]) {
    const { reply, visit } = known(ownReplyTo(queryFor(dnsName, type), names))
    t.same([rcode(reply), ...counts(reply)], [RCODES.noError, 1, 1, 0], `type ${type}`)
    t.equal(visit?.key, dnsName)
  }
  for (const type of [1, 28, 257]) {
    const { reply, visit } = known(ownReplyTo(queryFor(dnsName, type), names))
    t.same([rcode(reply), ...counts(reply)], [RCODES.noError, 1, 0, 1], `type ${type}: SOA in the authority`)
    t.equal(visit, undefined)
  }
  t.end()
})

t.test('all else is refused, and is no visit; a response gets no answer', (t) => {
  const refused = [
    queryFor('_acme-challenge.www.example.com'),
    queryFor('example.com'),
    queryFor(dnsName, 252),
    plainDnsQuery.subarray(0, 20),
  ]
  for (const query of refused) {
    const { reply, visit } = known(ownReplyTo(query, names))
    t.same([rcode(reply), ...counts(reply).slice(1)], [RCODES.refused, 0, 0])
    t.equal(visit, undefined)
  }
  const response = plainDnsQuery.slice()
  response[2] = 0x81
  t.equal(ownReplyTo(response, names), undefined)
  t.end()
})

t.test('a reply is cut to what the client takes by UDP, unless the transport takes another length', (t) => {
  const query = queryFor('_acme-challenge.many')
  const cut = known(ownReplyTo(query, names)).reply
  t.ok(cut.length <= 512 && (read16(cut, 2) & 0x0200) !== 0, 'TC')
  t.same(valuesIn(known(ownReplyTo(query, names, 65_535)).reply), many)
  t.end()
})
