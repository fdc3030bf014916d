import t from 'tap'
import { reachOf, versionOf, type MachineAddress } from '../../src/network/addresses.js'
import { whereIs } from '../../src/network/records.js'

function machine(...addresses: string[]): MachineAddress[] {
  return addresses.map((address) => ({ address, version: versionOf(address), reach: reachOf(address), device: 'eth0' }))
}

t.test('where an address of a name leads', (t) => {
  const own = machine('127.0.0.1', '::1', '203.0.113.5', '2001:db8::5', 'fe80::5')
  t.equal(whereIs('203.0.113.5', own), 'here')
  t.equal(whereIs('2001:db8::5', own), 'here')
  t.equal(whereIs('203.0.113.6', own), 'elsewhere')
  t.equal(whereIs('2001:db8::6', own), 'elsewhere')
  t.equal(whereIs('10.0.0.1', own), 'not public')
  t.equal(whereIs('fe80::6', own), 'not public')
  t.equal(whereIs('fe80::5', own), 'not public', 'nor does its own make it public')
  t.end()
})

t.test('a public IPv4 address may lead to a machine that has only private ones; an IPv6 address does not', (t) => {
  const own = machine('127.0.0.1', '192.168.1.5', 'fd00::5')
  t.equal(whereIs('203.0.113.5', own), 'behind NAT')
  t.equal(whereIs('2001:db8::5', own), 'elsewhere')
  t.equal(whereIs('203.0.113.5', machine('192.168.1.5', '203.0.113.6')), 'elsewhere', 'with a public one of its own')
  t.equal(whereIs('203.0.113.5', machine('127.0.0.1')), 'elsewhere', 'without any')
  t.end()
})
