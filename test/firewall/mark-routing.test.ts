import t from 'tap'
import { looksAt } from '../../src/firewall/mark-routing.js'

/** As ip-rule(8) of iproute2 6.1 lists them. */
const always = '0:\tfrom all lookup local\n32766:\tfrom all lookup main\n32767:\tfrom all lookup default\n'

t.test('a routing rule that compares the whole mark, or bits with ours among them, depends on our bit', (t) => {
  for (const rule of [
    '32765:\tfrom all fwmark 0x1 lookup 100',
    '32765:\tnot from all fwmark 0xca6c lookup 51820',
    '32765:\tfrom all fwmark 0x1/0xffffff lookup 100',
    '32765:\tfrom all fwmark 0/0x400000 lookup 100',
    '32764:\tfrom all fwmark 0x1/0xff lookup 100\n32765:\tfrom all fwmark 0x2 lookup 101',
  ])
    t.equal(looksAt(`${always}${rule}\n`, 0x400000), true, rule)
  t.equal(looksAt(`${always}32765:\tfrom all fwmark 0x1 lookup 100\n`, 0x80000000), true, 'the highest bit')
  t.end()
})

t.test('one that compares other bits, or no mark, does not', (t) => {
  for (const rule of ['', '32765:\tfrom all fwmark 0x1/0xff lookup 100', '32765:\tfrom 203.0.113.1 lookup 100'])
    t.equal(looksAt(`${always}${rule}\n`, 0x400000), false, rule)
  t.end()
})
