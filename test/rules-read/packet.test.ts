import t from 'tap'
import { all, any, destinationWithin, deviceIs, not, portWithin } from '../../src/rules-read/packet.js'
import { ipv4, ipv6 } from './packets.js'

t.test('conditions join: one that fails decides a rule, one that holds decides a list', (t) => {
  t.strictSame(
    [all([]), all(['yes', 'maybe']), all(['maybe', 'no']), all(['yes', 'yes'])],
    ['yes', 'maybe', 'no', 'yes'],
  )
  t.strictSame([any([]), any(['no', 'maybe']), any(['maybe', 'yes']), any(['no', 'no'])], ['no', 'maybe', 'yes', 'no'])
  t.strictSame([not('yes'), not('maybe'), not('no')], ['no', 'maybe', 'yes'])
  t.end()
})

t.test('ports, interfaces and destinations of the packet', (t) => {
  t.strictSame(
    [portWithin(ipv4, 80), portWithin(ipv4, 81), portWithin(ipv4, 1, 80), portWithin(ipv4, 81, 90)],
    ['yes', 'no', 'yes', 'no'],
  )
  t.strictSame(
    [deviceIs(ipv4, 'eth0', '+'), deviceIs(ipv4, 'eth+', '+'), deviceIs(ipv4, 'lo', '+'), deviceIs(ipv4, 'eth*', '+')],
    ['yes', 'yes', 'no', 'no'],
  )
  t.equal(deviceIs({ ...ipv4, devices: ['eth0', 'eth1'] }, 'eth0', '*'), 'maybe')
  t.equal(deviceIs({ ...ipv4, devices: [] }, 'eth0', '*'), 'maybe', 'nothing is known of the uplinks')
  t.strictSame(
    [
      destinationWithin(ipv4, '203.0.113.5'),
      destinationWithin(ipv4, '203.0.113.0/24'),
      destinationWithin(ipv4, '10.0.0.0/8'),
    ],
    ['yes', 'yes', 'no'],
  )
  t.equal(destinationWithin({ ...ipv4, destinations: ['203.0.113.5', '10.0.0.1'] }, '10.0.0.0/8'), 'maybe')
  t.strictSame(
    [
      destinationWithin(ipv6, '2001:db8::/32'),
      destinationWithin(ipv6, '203.0.113.5'),
      destinationWithin(ipv6, '::1/128'),
    ],
    ['yes', 'no', 'no'],
  )
  t.equal(destinationWithin(ipv4, '203.0.113.0/255.0.255.0'), 'maybe', 'a mask that is no prefix')
  t.end()
})
