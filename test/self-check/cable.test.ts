import t from 'tap'
import { planCable } from '../../src/self-check/cable.js'

t.test('a cable has one end there and one here, on one network', (t) => {
  const { name, inside, outside } = planCable(Uint8Array.of(0x12, 0x37, 0x56, 0x78, 0x9a, 0xbc), 42)
  t.equal(name, 'cnfq12375678')
  t.same(inside, [
    'link add check0 type veth peer name cnfq12375678 netns 42',
    'link set lo up',
    'link set check0 addrgenmode none',
    'link set check0 up',
    'address add 169.254.19.54/30 dev check0',
    'address add fd12:3756:789a::2/64 dev check0 nodad',
    'address add fe80::2/64 dev check0 nodad',
    'route add default via 169.254.19.53 dev check0',
    'route add default via fd12:3756:789a::1 dev check0',
  ])
  t.same(outside.slice(2), ['address add 169.254.19.53/30 dev cnfq12375678', 'address add fd12:3756:789a::1/64 dev cnfq12375678 nodad', 'address add fe80::1/64 dev cnfq12375678 nodad'])
  t.end()
})

t.test('whatever the random bytes, the name is one and the addresses are within', (t) => {
  for (const byte of [0, 1, 253, 254, 255]) {
    const { name, outside } = planCable(new Uint8Array(6).fill(byte), 1)
    t.ok(name.length <= 15, name)
    const [, third = 0, fourth = 0] = /169\.254\.(\d+)\.(\d+)\/30/.exec(outside.join('\n'))?.map(Number) ?? []
    t.ok(third >= 1 && third <= 254 && fourth % 4 === 1, `${third}.${fourth}`)
  }
  t.end()
})
