import t from 'tap'
import { addressesOfMachine, canonical, reachOf } from '../../src/network/addresses.js'

t.test('the addresses of this machine have the loopback one among them', (t) => {
  t.match(
    addressesOfMachine().find(({ address }) => address === '127.0.0.1'),
    { version: 4, reach: 'loopback', device: 'lo' },
  )
  t.end()
})

t.test('each way to write an IPv6 address becomes the same', (t) => {
  for (const text of ['2001:db8::1', '2001:DB8:0:0:0:0:0:1', '2001:0db8::0001', '2001:db8::1%eth0'])
    t.equal(canonical(text), '2001:db8::1')
  t.equal(canonical('192.0.2.1'), '192.0.2.1')
  t.equal(canonical('::zz'), '::zz', 'what is none stays')
  t.end()
})

t.test('who can reach an address', (t) => {
  const table = {
    'loopback': ['127.0.0.1', '127.255.255.255', '::1'],
    'link-local': ['169.254.1.1', 'fe80::1', 'febf::1'],
    'private': ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '100.64.0.1', 'fd00::1'],
    'public': ['192.0.2.1', '172.15.0.1', '172.32.0.1', '100.128.0.1', '2001:db8::1', '::2', 'fec0::1'],
  }
  for (const [reach, addresses] of Object.entries(table))
    for (const address of addresses) t.equal(reachOf(address), reach, address)
  t.end()
})
