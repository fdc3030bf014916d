import t from 'tap'
import { reachOf, versionOf, type MachineAddress } from '../../src/network/addresses.js'
import { placeOf } from '../../src/network/place.js'

function machine(...addresses: string[]): MachineAddress[] {
  return addresses.map((address) => ({ address, version: versionOf(address), reach: reachOf(address), device: 'eth0' }))
}

t.test('where an address of a name leads', (t) => {
  const own = machine('127.0.0.1', '::1', '203.0.113.5', '2001:db8::5', 'fe80::5')
  t.equal(placeOf('203.0.113.5', own), 'here')
  t.equal(placeOf('2001:db8::5', own), 'here')
  t.equal(placeOf('203.0.113.6', own), 'elsewhere')
  t.equal(placeOf('2001:db8::6', own), 'elsewhere')
  t.equal(placeOf('10.0.0.1', own), 'unreachable')
  t.equal(placeOf('fe80::6', own), 'unreachable')
  t.end()
})

t.test('a public IPv4 address may lead to a machine that has only private ones; an IPv6 address does not', (t) => {
  const own = machine('127.0.0.1', '192.168.1.5', 'fd00::5')
  t.equal(placeOf('203.0.113.5', own), 'behind NAT')
  t.equal(placeOf('2001:db8::5', own), 'elsewhere')
  t.equal(placeOf('203.0.113.5', machine('192.168.1.5', '203.0.113.6')), 'elsewhere', 'with a public one of its own')
  t.equal(placeOf('203.0.113.5', machine('127.0.0.1')), 'elsewhere', 'without any')
  t.end()
})
