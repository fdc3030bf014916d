import t from 'tap'
import { dnsFailure, findingOfDns, judgeDnsName } from '../../../src/diagnosis/doctor/dns-names.js'
import type { MachineAddress } from '../../../src/network/addresses.js'
import type { DnsPath, NameServer } from '../../../src/network/dns-path.js'

const address = (text: string, reach: MachineAddress['reach'] = 'public'): MachineAddress => ({
  address: text,
  version: text.includes(':') ? 6 : 4,
  reach,
  device: 'eth0',
})
const machine = [address('192.0.2.1'), address('2001:db8::1')]
const here: NameServer = { name: 'ns1.example.com', addresses: ['192.0.2.1', '2001:db8::1'] }
const there: NameServer = { name: 'ns2.example.net', addresses: ['192.0.2.9'] }
const path: DnsPath = {
  name: '_acme-challenge.example.com',
  zone: 'example.com',
  servers: [here],
  isSigned: false,
  alias: undefined,
}
const host = { machine, isShared: false }

t.test('what keeps a CA away, the gravest first', (t) => {
  const table: readonly (readonly [string, Partial<DnsPath>, RegExp | undefined, string?])[] = [
    ['all leads here', {}, undefined],
    ['whether it is signed is not known', { isSigned: undefined }, undefined],
    ['no address is known', { servers: [{ name: 'ns.example.com', addresses: [] }], isSigned: true }, undefined],
    [
      'one of two servers',
      { servers: [here, there] },
      /^a CA may ask ns2\.example\.net \(192\.0\.2\.9\) for _acme/,
      'dns-other-servers',
    ],
    [
      'one of two addresses of a server',
      { servers: [{ name: 'ns', addresses: ['192.0.2.1', '192.0.2.8'] }] },
      /may ask ns \(192\.0\.2\.8\) /,
      'dns-other-servers',
    ],
    [
      'none of them',
      { servers: [there], isSigned: true },
      /^a CA asks ns2\S+ \(192\.0\.2\.9\) for .*, which is not an address of this/,
      'dns-elsewhere',
    ],
    ['signed', { servers: [here, there], isSigned: true }, /^the zone example\.com is signed/, 'dns-signed'],
    ['an alias', { servers: [there], alias: 'x.example.net' }, /is an alias of x\.example\.net, and/, 'dns-alias'],
  ]
  for (const [what, change, cause, code] of table) {
    const failure = dnsFailure({ ...path, ...change }, host)
    if (!cause) t.equal(failure, undefined, what)
    else t.match(failure, { code, message: cause }, what)
  }
  t.end()
})

t.test('nodes of a store answer too', (t) => {
  t.equal(dnsFailure({ ...path, servers: [here, there] }, { machine, isShared: true }), undefined)
  t.match(dnsFailure({ ...path, servers: [there] }, { machine, isShared: true }), { code: 'dns-elsewhere' })
  t.end()
})

t.test('behind a NAT nothing is known', (t) => {
  const servers = [{ name: 'ns1.example.com', addresses: ['192.0.2.1'] }]
  t.equal(dnsFailure({ ...path, servers }, { machine: [address('10.0.0.1', 'private')], isShared: false }), undefined)
  t.end()
})

t.test('with a zone of aliases, the name is to be one and the alias is to lead here', (t) => {
  const name = { identifier: 'example.com', alias: 'auth.example.net' }
  const answered = '_acme-challenge.example.com.auth.example.net'
  const [first, second] = [
    { ...path, servers: [there], alias: answered },
    { ...path, name: answered },
  ]
  t.equal(judgeDnsName(name, [first, second], host), undefined)
  t.match(judgeDnsName(name, [{ ...first, alias: undefined }, second], host), {
    code: 'dns-alias',
    message: /is no alias of/,
  })
  t.match(judgeDnsName(name, [first, { ...second, servers: [there] }], host), { code: 'dns-elsewhere' })
  t.end()
})

t.test('doctor: the finding has what to do, and tells when nothing is known', (t) => {
  const name = { identifier: 'example.com', alias: undefined }
  t.match(findingOfDns(name, [path], host), {
    check: 'name',
    level: 'ok',
    message: /ns1\.example\.com \(192\.0\.2\.1, /,
  })
  t.match(findingOfDns(name, [{ ...path, isSigned: true }], host), { level: 'warn', fix: /without a DS record/ })
  t.match(findingOfDns(name, [], host), { level: 'warn', message: /could not be looked up/ })
  t.end()
})
