import t from 'tap'
import { walk } from '../../src/rules-read/chains.js'
import { forwardsOf } from '../../src/rules-read/forwards.js'
import { tablesOfNft } from '../../src/rules-read/nft-rules.js'
import { judgeUntracked } from '../../src/diagnosis/doctor/following.js'
import type { Packet } from '../../src/rules-read/packet.js'
import { ipv4, ipv6 } from './packets.js'

const tcp = (field: string) => ({ payload: { protocol: 'tcp', field } })
const meta = (key: string) => ({ meta: { key } })
const state = { ct: { key: 'state' } }
const match = (left: unknown, right: unknown, op = '==') => ({ match: { op, left, right } })
const accept = { accept: null }

/** As nft 1.0.6 lists a table with a chain of these rules, and a chain `web` that accepts. */
function listing(rules: readonly unknown[][], { family = 'inet', hook = 'input', policy = 'drop' } = {}) {
  const place = { family, table: 'fw' }
  const rule = (chain: string, expr: unknown[], handle: number) => ({ rule: { ...place, chain, handle, expr } })
  return [
    { metainfo: { version: '1.0.6' } },
    { table: { family, name: 'fw', handle: 1 } },
    { set: { ...place, name: 'ports', type: 'inet_service' } },
    { chain: { ...place, name: 'web', handle: 1 } },
    { chain: { ...place, name: 'base', handle: 2, type: 'filter', hook, prio: 0, policy } },
    rule('web', [accept], 3),
    ...rules.map((expr, at) => rule('base', expr, 10 + at)),
  ]
}

function verdict(rules: readonly unknown[][], packet: Packet = ipv4): string {
  const [table] = tablesOfNft(listing(rules), packet)
  if (!table) throw new Error('no table')
  const { verdict, conditions } = walk(table, 'base')
  return conditions.length > 0 ? `${verdict} unless` : verdict
}

t.test('rules that let the packet in', (t) => {
  const table: unknown[][] = [
    [accept],
    [match(tcp('dport'), 80), { counter: { packets: 1, bytes: 2 } }, accept],
    [match(tcp('dport'), { set: [22, { range: [80, 90] }] }), accept],
    [match(tcp('dport'), { range: [1, 1024] }), match(state, 'new', 'in'), accept],
    [
      match(meta('l4proto'), { set: ['tcp', 'udp'] }),
      match({ payload: { protocol: 'th', field: 'dport' } }, 80),
      accept,
    ],
    [match(meta('iifname'), 'lo', '!='), { jump: { target: 'web' } }],
    [match(meta('iifname'), 'eth*'), { goto: { target: 'web' } }],
    [
      match(meta('nfproto'), 'ipv4'),
      match({ payload: { protocol: 'ip', field: 'daddr' } }, { prefix: { addr: '203.0.113.0', len: 24 } }),
      accept,
    ],
    [
      {
        vmap: {
          key: tcp('dport'),
          data: {
            set: [
              [22, { drop: null }],
              [80, { jump: { target: 'web' } }],
            ],
          },
        },
      },
    ],
  ]
  for (const rule of table) t.equal(verdict([rule]), 'accept', JSON.stringify(rule))
  t.end()
})

t.test('rules that do not', (t) => {
  const table: unknown[][] = [
    [match({ payload: { protocol: 'udp', field: 'dport' } }, 80), accept],
    [match(tcp('dport'), 443), accept],
    [match(tcp('dport'), 80, '!='), accept],
    [match(state, ['established', 'related'], 'in'), accept],
    [match(state, { set: ['established'] }), accept],
    [match(meta('iifname'), 'lo'), accept],
    [match(meta('nfproto'), 'ipv6'), accept],
    [match({ payload: { protocol: 'ip6', field: 'saddr' } }, '2001:db8::1'), accept],
    [{ reject: { type: 'icmpx', expr: 'admin-prohibited' } }],
    [
      {
        vmap: {
          key: state,
          data: {
            set: [
              ['established', accept],
              ['invalid', { drop: null }],
            ],
          },
        },
      },
    ],
    [{ log: { prefix: 'x' } }],
  ]
  for (const rule of table) t.equal(verdict([rule]), 'drop', JSON.stringify(rule))
  t.equal(verdict([[match(meta('nfproto'), 'ipv4'), accept]], ipv6), 'drop', 'of the other family')
  t.end()
})

t.test('rules on what is not known of the packet', (t) => {
  const table: unknown[][] = [
    [match(tcp('dport'), '@ports'), accept],
    [match(tcp('dport'), 80), { limit: { rate: 5, per: 'second' } }, accept],
    [match({ payload: { protocol: 'ip', field: 'saddr' } }, { prefix: { addr: '10.0.0.0', len: 8 } }), accept],
    [match({ '&': [tcp('flags'), ['fin', 'syn']] }, 'syn'), accept],
    [{ xt: null }, accept],
  ]
  for (const rule of table) t.equal(verdict([rule]), 'drop unless', JSON.stringify(rule))
  t.end()
})

t.test('destination NAT, exemption from tracking, and tables of another family', (t) => {
  const before = (expr: unknown[], family = 'inet') =>
    tablesOfNft(listing([[match(tcp('dport'), 80), ...expr]], { family, hook: 'prerouting', policy: 'accept' }), ipv4)
  t.match(forwardsOf(before([{ dnat: { family: 'ip', addr: '10.88.0.2', port: 8080 } }])), [
    { address: '10.88.0.2', port: 8080, origin: 'nft inet fw' },
  ])
  const map = (set: unknown[]) => ({ dnat: { addr: { map: { key: tcp('dport'), data: { set } } } } })
  t.strictSame(
    forwardsOf(
      before([
        map([
          [80, '10.88.0.2'],
          [443, '10.88.0.3'],
        ]),
      ]),
    ),
    [{ address: '10.88.0.2', port: undefined, origin: 'nft inet fw' }],
  )
  t.match(forwardsOf(before([map([[80, { concat: ['10.88.0.2', 8080] }]])])), [{ address: '10.88.0.2', port: 8080 }])
  t.match(forwardsOf(before([{ redirect: { port: 8080 } }])), [{ address: undefined, port: 8080 }])
  t.match(judgeUntracked(before([{ notrack: null }])), {
    level: 'warn',
    message: /nft inet fw: the rule of chain base with handle 10/,
  })
  t.strictSame(before([{ notrack: null }], 'ip6'), [])
  t.end()
})

t.test('items that are nothing known are left out', (t) => {
  t.strictSame(tablesOfNft([{}, { rule: {} }, { rule: null }, { chain: 7 }], ipv4), [])
  t.end()
})
