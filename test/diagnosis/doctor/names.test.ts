import t from 'tap'
import { judgeName, judgeWildcard, type HostFacts } from '../../../src/diagnosis/doctor/names.js'
import { reachOf, versionOf } from '../../../src/network/addresses.js'
import type { DnsAnswer } from '../../../src/network/names.js'

const host = (addresses: string[], served: (4 | 6)[] = [4, 6]): HostFacts => {
  return {
    machine: addresses.map((address) => ({
      address,
      version: versionOf(address),
      reach: reachOf(address),
      device: 'eth0',
    })),
    served,
    port: 80,
    asked: 80,
  }
}
const own = host(['203.0.113.5', '2001:db8::5'])
const none: DnsAnswer = { addresses: [] }
const name = (four: DnsAnswer, six: DnsAnswer) => ({ name: 'a.example', 4: four, 6: six })
const at = (...addresses: string[]): DnsAnswer => ({ addresses })

t.test('a name of this machine is well', (t) => {
  t.strictSame(judgeName(name(at('203.0.113.5'), at('2001:db8::5')), own), [
    { check: 'name', level: 'ok', message: 'a.example: A 203.0.113.5, AAAA 2001:db8::5: of this machine' },
  ])
  t.end()
})

t.test('each address that is another machine’s is a warning; of an AAAA it is said why it matters', (t) => {
  t.match(judgeName(name(at('203.0.113.5', '203.0.113.6'), at('2001:db8::6')), own), [
    { level: 'warn', message: 'a.example: A 203.0.113.6 is not an address of this machine' },
    {
      level: 'warn',
      message: /AAAA 2001:db8::6 is not an address of this machine; a CA asks by IPv6 first/,
      fix: /remove the AAAA record/,
    },
  ])
  t.end()
})

t.test('a NAT, an address of the site, and a family that nobody answers in are warnings', (t) => {
  t.match(judgeName(name(at('203.0.113.5'), none), host(['192.168.1.5'])), [
    { level: 'warn', message: /behind a NAT/, fix: /port 80 to port 80/ },
  ])
  t.match(judgeName(name(at('192.168.1.5'), none), host(['192.168.1.5'])), [
    { level: 'warn', message: /of this machine, but private/ },
  ])
  t.match(judgeName(name(at('192.168.1.6'), none), own), [{ level: 'warn', message: /a public CA cannot reach it/ }])
  t.match(judgeName(name(none, at('2001:db8::5')), { ...own, served: [4] }), [
    { level: 'warn', message: /nobody answers on port 80 by IPv6/ },
  ])
  t.end()
})

t.test('a name that is not there, or has no address, or is a wildcard, is a failure; silence is a warning', (t) => {
  const error = (error: 'no such name' | 'no answer'): DnsAnswer => ({ error, detail: 'detail' })
  t.match(judgeName(name(error('no such name'), error('no such name')), own), [
    { level: 'fail', message: /does not exist/ },
  ])
  t.match(judgeName(name(none, none), own), [{ level: 'fail', message: /neither an A nor an AAAA/ }])
  t.match(judgeName(name(error('no answer'), error('no answer')), own), [
    { level: 'warn', message: /its addresses could not be looked up \(detail\)/, fix: /--resolver/ },
  ])
  t.match(judgeName(name(at('203.0.113.5'), error('no answer')), own), [
    { level: 'warn', message: /its AAAA could not be looked up \(detail\)/ },
  ])
  t.match(judgeWildcard('*.a.example'), { level: 'fail', fix: /dns-01/ })
  t.end()
})
