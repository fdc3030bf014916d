import t from 'tap'
import { addressOf, serverNameFor } from '../../../src/challenge/tls-alpn-01/names.js'
import { tlsAlpn01Service, type ArmedName } from '../../../src/challenge/tls-alpn-01/service.js'
import {
  chromiumHello,
  curlHello,
  opensslHello,
  pebbleAddressHello,
  pebbleHello,
} from '../../fixtures/captured-hellos.js'
import { alpnExtension, extension, firefoxHello, makeHello, nameExtension } from '../../fixtures/hello.js'

const open: ArmedName['open'] = () => ({ receive: () => undefined, end: () => undefined, answer: undefined })
const names = new Map(['example.com', '1.0.0.127.in-addr.arpa'].map((name) => [name, { token: `of ${name}`, open }]))
const { recognise, longestStart } = tlsAlpn01Service((name) => names.get(name))
const hello = (...extensions: Uint8Array[]) => recognise(makeHello({ extensions }))
const named = nameExtension('example.com')
const acme = alpnExtension('acme-tls/1')
const long = extension(51, new Uint8Array(1_300))

t.test('a validator’s hello for an armed name is recognised', (t) => {
  t.same(recognise(opensslHello), { key: 'of example.com', open })
  t.same(recognise(pebbleHello), { key: 'of example.com', open })
  t.same(recognise(pebbleAddressHello), { key: 'of 1.0.0.127.in-addr.arpa', open })
  t.same(hello(nameExtension('Example.COM'), acme), { key: 'of example.com', open }, 'case does not count')
  t.end()
})

t.test('a name that is not armed is the server’s, and told', (t) => {
  t.same(hello(nameExtension('www.Example.com'), acme), { key: 'www.example.com' })
  t.end()
})

t.test('everything else is a bystander’s', (t) => {
  const table = [
    ['browsers', recognise(chromiumHello)],
    ['curl', recognise(curlHello)],
    ['firefox', recognise(firefoxHello('example.com', 'h2', 'http/1.1'))],
    ['another protocol beside ours', hello(named, alpnExtension('acme-tls/1', 'h2'))],
    ['another protocol before ours', hello(named, alpnExtension('h2', 'acme-tls/1'))],
    ['ours twice', hello(named, alpnExtension('acme-tls/1', 'acme-tls/1'))],
    ['a longer protocol', hello(named, alpnExtension('acme-tls/1.1'))],
    ['another case', hello(named, alpnExtension('ACME-TLS/1'))],
    ['no protocol', hello(named)],
    ['no name', hello(acme)],
    ['a name that cannot be one', hello(nameExtension('exam ple\n.com'), acme)],
    ['HTTP', recognise(Uint8Array.from(Buffer.from('GET / HTTP/1.1\r\n')))],
  ] as const
  for (const [what, read] of table) t.equal(read, 'other', what)
  t.end()
})

t.test('it is let go as soon as another protocol is seen, and kept until then', (t) => {
  const first = (extensions: Uint8Array[], length: number) => recognise(makeHello({ extensions }).subarray(0, length))
  t.equal(first([named, alpnExtension('h2'), long], 200), 'other')
  t.equal(first([named, long, alpnExtension('h2')], 1_300), 'partial')
  t.equal(first([named, acme, long], 1_300), 'partial', 'the hello is whole before anything is taken over')
  t.equal(recognise(new Uint8Array(0)), 'partial')
  t.equal(recognise(makeHello({ extensions: [long] }).subarray(0, longestStart)), 'other')
  t.end()
})

t.test('an address is asked for by its reverse name', (t) => {
  t.equal(serverNameFor('192.0.2.10'), '10.2.0.192.in-addr.arpa')
  t.equal(serverNameFor('2001:DB8::1'), `1.0.0.0.${'0.'.repeat(20)}8.b.d.0.1.0.0.2.ip6.arpa`)
  t.equal(serverNameFor('::1'), `1.${'0.'.repeat(31)}ip6.arpa`)
  t.equal(serverNameFor('WWW.example.com'), 'www.example.com')
  t.equal(serverNameFor('1.2.3.example'), '1.2.3.example')
  for (const address of ['192.0.2.10', '2001:db8::1', '::1']) t.equal(addressOf(serverNameFor(address)), address)
  for (const name of ['example.com', 'in-addr.arpa', '2.0.192.in-addr.arpa', '1.0.ip6.arpa'])
    t.equal(addressOf(name), undefined, name)
  t.end()
})
