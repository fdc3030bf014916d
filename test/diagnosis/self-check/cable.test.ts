import { BlockList } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import { ATTEMPTS, planCable } from '../../../src/diagnosis/self-check/cable.js'
import { holds } from '../../holds.js'

/** What clouds and machines have at addresses that are the same everywhere. */
const SERVICES = [
  ...[
    '169.254.169.254',
    '169.254.169.253',
    '169.254.169.123',
    '169.254.170.2',
    '169.254.170.23',
    '169.254.0.23',
    '100.100.100.200',
    '168.63.129.16',
    '192.0.0.192',
    '100.100.100.100',
  ],
  ...[
    'fd00:ec2::254',
    'fd00:ec2::253',
    'fd00:ec2::23',
    'fd20:ce::254',
    'fd00:c1::a9fe:a9fe',
    'fd00:42::42',
    'fe80::a9fe:a9fe',
    'fd7a:115c:a1e0::53',
  ],
]

/**
 * Networks that hosts have: private, shared, link-local, loopback, multicast, reserved, and special ones that somebody
 * is given (RFC 6890).
 */
const HOSTS = new BlockList()
for (const network of [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/16',
  '224.0.0.0/3',
]) {
  const [address = '', length] = network.split('/')
  HOSTS.addSubnet(address, Number(length), 'ipv4')
}
/** Those that nobody is given. */
const NOBODYS = new BlockList()
for (const [address, length] of [
  ['198.19.0.0', 16],
  ['192.0.2.0', 24],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
] as const)
  NOBODYS.addSubnet(address, length, 'ipv4')

t.test('a cable has one end there and one here, on one network, and a way to the addresses asked for alone', (t) => {
  const { name, networks, inside, outside } = planCable(Uint8Array.of(0x12, 0x37, 0x56, 0x78, 0x9a, 0xbc), 0, 42, [
    '192.0.2.1',
    '2001:db8::1',
    '192.0.2.1',
  ])
  t.equal(name, 'cnfq12375678')
  t.same(networks, { 4: '198.19.154.126/31', 6: 'fd12:3756:789b::/64' })
  t.same(inside, [
    'link add check0 type veth peer name cnfq12375678 netns 42',
    'link set check0 addrgenmode none',
    'link set check0 up',
    'address add 198.19.154.127/31 dev check0',
    'address add fd12:3756:789b::2/64 dev check0 nodad',
    'address add fe80::2/64 dev check0 nodad',
    'route add 192.0.2.1 via 198.19.154.126 dev check0',
    'route add 2001:db8::1 via fd12:3756:789b::1 dev check0',
  ])
  t.same(outside.slice(2), [
    'address add 198.19.154.126/31 dev cnfq12375678',
    'address add fd12:3756:789b::1/64 dev cnfq12375678 nodad',
    'address add fe80::1/64 dev cnfq12375678 nodad',
  ])
  t.end()
})

t.test('properties', (t) => {
  const cables = fc
    .tuple(fc.uint8Array({ minLength: 6, maxLength: 6 }), fc.nat({ max: ATTEMPTS - 1 }))
    .map(([random, attempt]) => planCable(random, attempt, 42, ['192.0.2.1']))
  const taken = (lines: readonly string[]) =>
    lines
      .flatMap((line) => /^address add ([^/ ]+)\/(\d+)/.exec(line)?.[1] ?? [])
      .filter((address) => !address.startsWith('fe80:'))
  holds(
    t,
    'IPv4: two addresses that no host has, neither of them the first or last of 256',
    fc.property(cables, ({ inside, outside, networks }) => {
      const ends = taken([...outside, ...inside]).filter((address) => !address.includes(':'))
      const [one = 0, other = 0] = ends.map((address) => Number(address.split('.')[3]))
      return (
        ends.length === 2 &&
        `${ends[0]}/31` === networks[4] &&
        one % 2 === 0 &&
        other === one + 1 &&
        one >= 2 &&
        other <= 253 &&
        ends.every((address) => NOBODYS.check(address) && !HOSTS.check(address))
      )
    }),
  )
  holds(
    t,
    'IPv6: two addresses of a unique local network that nobody has numbered by hand',
    fc.property(cables, ({ inside, outside, networks }) => {
      const ends = taken([...outside, ...inside]).filter((address) => address.includes(':'))
      return (
        ends.length === 2 &&
        networks[6].endsWith('::/64') &&
        ends.every(
          (address) =>
            /^fd[0-9a-f]{2}:[0-9a-f]{4}:(?!0000)[0-9a-f]{4}::[12]$/.test(address) &&
            networks[6] === address.replace(/[12]$/, '/64'),
        )
      )
    }),
  )
  holds(
    t,
    'no network has a service of a cloud in it',
    fc.property(cables, ({ networks }) => {
      const list = new BlockList()
      for (const network of Object.values(networks))
        list.addSubnet(
          network.split('/')[0] ?? '',
          Number(network.split('/')[1]),
          network.includes(':') ? 'ipv6' : 'ipv4',
        )
      return SERVICES.every((address) => !list.check(address, address.includes(':') ? 'ipv6' : 'ipv4'))
    }),
  )
  holds(
    t,
    'the name is one that an interface may have',
    fc.property(cables, ({ name }) => /^cnfq[0-9a-f]{8}$/.test(name)),
  )
  holds(
    t,
    'the client has a way to nobody else',
    fc.property(cables, ({ inside }) =>
      inside.filter((line) => line.startsWith('route')).every((line) => line.startsWith('route add 192.0.2.1 via ')),
    ),
  )
  t.end()
})
