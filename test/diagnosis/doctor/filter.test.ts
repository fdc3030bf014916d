import t from 'tap'
import { judgeFilter } from '../../../src/diagnosis/doctor/filter.js'
import { tablesOfSave } from '../../../src/rules-read/iptables-rules.js'
import { ipv4, ipv6 } from '../../rules-read/packets.js'

const rulesIn = (text: string, packet = ipv4) => ({ packet, tables: tablesOfSave(text, 'iptables-nft', packet) })
const open = '*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n'
const closed = '*filter\n:INPUT DROP [0:0]\n-A INPUT -i lo -j ACCEPT\n-A INPUT -s 10.0.0.0/8 -j ACCEPT\nCOMMIT\n'

t.test('a policy that drops is told, with what may let the packet in all the same, and the family', (t) => {
  const [finding, ...more] = judgeFilter([rulesIn(open), rulesIn(closed, ipv6)], [])
  t.match(finding, { check: 'filter', level: 'warn', fix: /ufw allow 80\/tcp/ })
  t.equal(
    finding?.message,
    'IPv6: iptables-nft filter INPUT drops new connections to port 80 (policy drop), unless a condition holds that cannot be judged here: -A INPUT -s 10.0.0.0/8 -j ACCEPT',
  )
  t.strictSame(more, [])
  t.end()
})

t.test('a drop before the filter table counts; a NAT table does not', (t) => {
  const drop = (table: string, chain: string) =>
    judgeFilter(
      [rulesIn(`*${table}\n:${chain} ACCEPT [0:0]\n-A ${chain} -p tcp -m tcp --dport 80 -j DROP\nCOMMIT\n`)],
      [],
    )[0]?.level
  t.strictSame(
    [drop('raw', 'PREROUTING'), drop('mangle', 'INPUT'), drop('filter', 'OUTPUT'), drop('nat', 'PREROUTING')],
    ['warn', 'warn', 'ok', 'ok'],
  )
  t.end()
})

t.test('rules that could not be read are not taken for none', (t) => {
  t.match(judgeFilter([rulesIn(open)], []), [{ level: 'ok' }])
  t.match(judgeFilter([], ['nft: Operation not permitted']), [
    { level: 'warn', message: /nft: Operation not permitted/ },
  ])
  t.end()
})
