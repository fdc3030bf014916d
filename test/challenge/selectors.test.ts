import t from 'tap'
import { selectorsFor, type WantedOfType } from '../../src/challenge/selectors.js'
import { chromiumHello, openssl12Hello, pebbleHello } from '../fixtures/captured-hellos.js'
import { fromText } from '../fixtures/hex.js'
import { framed, queryFor } from './dns-01/queries.js'
import { picked, type Kind } from './picked.js'

const token = 'evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA'
const name = '_acme-challenge.www.example.com'
const http = { type: 'http-01', ports: [80], tokens: [token] } as const
const dns = { type: 'dns-01', ports: [53], tokens: [name] } as const
const tls = { type: 'tls-alpn-01', ports: [443], tokens: [] } as const

/** Returns what tells what the text of a stream is. */
const byHttp =
  (...wanted: readonly WantedOfType[]) =>
  (text: string): Kind =>
    picked(selectorsFor(wanted), 'tcp', Uint8Array.from(fromText(text)))
const request = (method: string, token: string) => `${method} /.well-known/acme-challenge/${token} HTTP/1.1\r\n`

t.test('http-01: a request for an armed token, for another one, and anything else', (t) => {
  const kind = byHttp(http)
  for (const method of ['GET', 'HEAD']) {
    const whole = request(method, token)
    const key = whole.indexOf(token) + 16
    for (let length = 1; length <= whole.length; length++)
      t.equal(kind(whole.slice(0, length)), length < key ? 'incomplete' : 'armed', `${method}, ${length} bytes`)
    for (let at = 0; at < key - 16; at++)
      t.equal(kind(`${whole.slice(0, at)}!${whole.slice(at + 1)}`), 'other', `${method}, another byte ${at}`)
    t.equal(kind(request(method, `${token.slice(0, 15)}_`)), 'unarmed')
  }
  for (const method of ['POST', 'get', 'PUT', 'G']) t.equal(kind(request(method, token)), 'other', method)
  t.equal(kind(''), 'other')
  t.end()
})

t.test('http-01: a short token is told by what follows it; of a very short one nothing is told', (t) => {
  const kind = byHttp({ ...http, tokens: ['twelve-bytes'] })
  t.equal(kind(request('GET', 'twelve-bytes')), 'armed')
  t.equal(kind(request('GET', 'twelve-bytes-and-more')), 'unarmed')
  t.equal(byHttp({ ...http, tokens: ['8-bytes.', token] })(request('GET', 'another-one')), 'unarmed')
  t.equal(byHttp({ ...http, tokens: ['seven77', token] })(request('GET', 'another-one')), 'armed')
  t.end()
})

t.test('http-01: tokens that begin alike have one key, and others are wanted where that is said', (t) => {
  const [alike] = selectorsFor([{ ...http, tokens: [token, `${token.slice(0, -1)}B`] }])
  t.equal(alike?.keys.length, 1)
  t.notOk(alike?.wantsOthers)
  t.equal(selectorsFor([{ ...http, wantsOthers: true }])[0]?.wantsOthers, true)
  t.end()
})

t.test('dns-01: a query for an armed name in any case, for another one, and anything else', (t) => {
  const selectors = selectorsFor([dns])
  for (const transport of ['udp', 'tcp'] as const) {
    const kind = (name: string, type?: number) => {
      const query = queryFor(name, type)
      return picked(selectors, transport, transport === 'udp' ? query : framed(query))
    }
    t.equal(kind(name), 'armed', transport)
    t.equal(kind(name, 1), 'armed', 'whatever the type')
    t.equal(kind('_ACME-Challenge.WwW.Example.com'), 'armed', 'in any case')
    t.equal(kind('_acme-challenge.wwx.example.com'), 'unarmed')
    t.equal(kind('_acme-challenge.ww.example.com'), 'unarmed')
    for (const at of '_acme-challenge'.split('').keys())
      t.equal(kind(`${name.slice(0, at)}9${name.slice(at + 1)}`), 'other', `another character ${at}`)
    t.equal(kind(name.replace('_', '\x7f')), 'other', 'which differs in the bit of the case only')
    t.equal(kind(name.replace('-', '\r')), 'other', 'and another')
    t.equal(kind('_acme-challenges.example.com'), 'other')
    t.equal(kind('www.example.com'), 'other')
  }
  t.end()
})

t.test('dns-01: keys are as long as the shortest name has room for; a name of a letter has none', (t) => {
  const kind = (tokens: readonly string[], name: string) =>
    picked(selectorsFor([{ ...dns, tokens }]), 'udp', queryFor(name))
  const two = ['_acme-challenge.b.org', '_acme-challenge.b.org.example']
  t.equal(kind(two, '_acme-challenge.b.org'), 'armed')
  t.equal(kind(two, '_acme-challenge.b.orh'), 'unarmed')
  t.equal(kind(['_acme-challenge.de'], '_acme-challenge.df'), 'unarmed', 'four bytes are a key')
  t.equal(kind(['_acme-challenge.d'], '_acme-challenge.example'), 'armed', 'three are none')
  t.equal(kind([], '_acme-challenge.example.com'), 'unarmed', 'nor is anything armed without names')
  t.end()
})

t.test('dns-01: by TCP only what has the length and the header of such a query is held back', (t) => {
  const selectors = selectorsFor([dns])
  const stream = framed(queryFor(name))
  const changed = (at: number, byte: number) => {
    const copy = stream.slice()
    copy[at] = byte
    return picked(selectors, 'tcp', copy)
  }
  for (let length = 1; length <= stream.length; length++)
    t.equal(
      picked(selectors, 'tcp', stream.subarray(0, length)),
      length < 46 ? 'incomplete' : 'armed',
      `${length} bytes`,
    )
  const table: readonly (readonly [number, readonly number[], readonly number[]])[] = [
    [0, [0, 1], [2, 4, 0x80]], // the length: up to 511
    [1, [0, 255], []],
    [2, [0, 255], []], // the identifier
    [3, [0, 255], []],
    [4, [0, 1], [2, 4, 8, 0x80]], // RD; no response, no other operation
    [5, [0, 0x10, 0x20, 0x30], [1, 0x40, 0x80]], // CD, AD; no error, and not what is reserved
    [6, [0], [1]], // one question
    [7, [1], [0, 2, 3]],
    [8, [0], [1]], // no answer
    [9, [0], [1]],
    [10, [0], [1]], // no authority
    [11, [0], [1]],
    [12, [0], [1]], // up to one additional record
    [13, [0, 1], [2, 3]],
  ]
  for (const [at, good, bad] of table) {
    for (const byte of good) t.equal(changed(at, byte), 'armed', `byte ${at} may be ${byte}`)
    for (const byte of bad) t.equal(changed(at, byte), 'other', `byte ${at} is not ${byte}`)
  }
  t.end()
})

t.test('tls-alpn-01: the beginning of any ClientHello, within limits, with what to search it for', (t) => {
  const selectors = selectorsFor([tls])
  const kind = (payload: Uint8Array) => picked(selectors, 'tcp', payload)
  for (const hello of [openssl12Hello, pebbleHello, chromiumHello]) {
    t.equal(kind(hello), 'armed')
    for (let length = 1; length < 6; length++) t.equal(kind(hello.subarray(0, length)), 'incomplete')
    t.equal(kind(hello.subarray(0, 6)), 'armed')
    const changed = (at: number, byte: number) =>
      kind(Uint8Array.from(hello, (old, place) => (place === at ? byte : old)))
    for (const byte of [0x14, 0x15, 0x17, 0x47]) t.equal(changed(0, byte), 'other', 'another record')
    for (const byte of [0, 2, 4, 0x13]) t.equal(changed(1, byte), 'other', 'another version')
    for (const minor of [0, 1, 2, 3, 4]) t.equal(changed(2, minor), 'armed')
    for (const minor of [8, 0x80]) t.equal(changed(2, minor), 'other')
    for (const byte of [0, 255]) for (const at of [3, 4]) t.equal(changed(at, byte), 'armed', 'whatever the length')
    for (const message of [0, 2, 11, 0x81]) t.equal(changed(5, message), 'other', 'another message')
    // Where the search of iptables ends: at the end of the record, and of the message.
    const { contains, isLimited } = selectors[0] ?? {}
    t.equal(isLimited, true)
    t.equal(contains?.text, 'acme-tls/1')
    const ends = contains?.lengths.map(({ at, bytes }) => at + bytes + Buffer.from(hello).readUIntBE(at, bytes))
    t.same(ends, [hello.length, hello.length])
  }
  t.end()
})

t.test('each type has its own ports', (t) => {
  const all = selectorsFor([http, { ...dns, ports: [53, 5353] }, tls])
  t.same(
    all.map(({ transport, ports }) => `${transport} ${ports.join()}`),
    ['tcp 80', 'udp 53,5353', 'tcp 53,5353', 'tcp 443'],
  )
  t.same(selectorsFor([]), [])
  t.end()
})
