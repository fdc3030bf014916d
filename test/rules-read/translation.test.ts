import t from 'tap'
import { translatesPort } from '../../src/rules-read/translation.js'

t.test('rules of iptables that send on what comes to the port of any address', (t) => {
  const table = [
    '-A DOCKER ! -i docker0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.17.0.2:8080',
    '-A PREROUTING ! -d 127.0.0.0/8 -p tcp -m addrtype --dst-type LOCAL -m tcp --dport 80 -j DNAT --to-destination 198.51.100.2:8080',
    '-A PREROUTING -p tcp -m multiport --dports 22,80,443 -j REDIRECT --to-ports 3000',
    '-A PREROUTING -p tcp -m tcp --dport 1:1023 -j REDIRECT',
    '-A PREROUTING -p tcp -m tcp --dport 80 -j WEB\n-A WEB -j DNAT --to-destination 172.17.0.2:8080',
  ]
  for (const rule of table) t.equal(ofIptables(rule), true, rule)
  t.end()
})

t.test('rules of iptables that do not', (t) => {
  const table = [
    '',
    '-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80',
    '-A DOCKER -d 192.0.2.7/32 ! -i docker0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.17.0.2:80',
    '-A PREROUTING -p tcp -m tcp ! --dport 80 -j DNAT --to-destination 172.17.0.2:80',
    '-A PREROUTING -p tcp -m multiport --dports 180,800,8080 -j REDIRECT --to-ports 80',
    '-A PREROUTING -p udp -m udp --dport 80 -j DNAT --to-destination 172.17.0.2:80',
    '-A PREROUTING -m set --match-set services dst,dst -j DNAT --to-destination 172.17.0.2',
    '-A PREROUTING -d 192.0.2.7/32 -p tcp -j WEB\n-A WEB -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.17.0.2:80',
    '-A OUTPUT -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.17.0.2:80',
    '-A PREROUTING -p tcp -m tcp --dport 80 -m comment --comment "-j DNAT" -j ACCEPT',
    '-A PREROUTING -p tcp -m conntrack --ctstate NEW,DNAT -m tcp --dport 80 -j ACCEPT',
  ]
  for (const rule of table) t.equal(ofIptables(rule), false, rule)
  t.end()
})

const tcp = (field: string) => ({ payload: { protocol: 'tcp', field } })
const daddr = { payload: { protocol: 'ip', field: 'daddr' } }
const match = (left: unknown, right: unknown, op = '==') => ({ match: { op, left, right } })
const to = { dnat: { addr: '172.17.0.2', port: 8080 } }
const byMap = (set: unknown[]) => ({ dnat: { family: 'ip', addr: { map: { key: tcp('dport'), data: { set } } } } })

t.test('rules of nft that do', (t) => {
  const table: unknown[][] = [
    [match(tcp('dport'), 80), { counter: { packets: 0, bytes: 0 } }, to],
    [match(daddr, { prefix: { addr: '127.0.0.0', len: 8 } }, '!='), match(tcp('dport'), 80), to],
    [match(tcp('dport'), { set: [80, 443] }), { redirect: { port: 3000 } }],
    [match(tcp('dport'), { range: [79, 81] }), to],
    [
      byMap([
        [80, '172.17.0.2'],
        [81, '172.17.0.3'],
      ]),
    ],
    [byMap([[80, { concat: ['172.17.0.2', 8080] }]])],
  ]
  for (const rule of table) t.equal(ofNft(rule), true, JSON.stringify(rule))
  t.end()
})

t.test('rules of nft that do not', (t) => {
  const table: unknown[][] = [
    [match(daddr, '192.0.2.7'), match(tcp('dport'), 80), to],
    [match(tcp('dport'), 8080), to],
    [match(tcp('dport'), 80), { accept: null }],
    [match(tcp('dport'), '@ports'), to],
    [byMap([[81, '172.17.0.3']])],
    [{ dnat: { addr: { map: { key: tcp('dport'), data: '@services' } } } }],
    [to],
  ]
  for (const rule of table) t.equal(ofNft(rule), false, JSON.stringify(rule))
  t.end()
})

function ofIptables(rules: string): boolean {
  const text = `*nat\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:DOCKER - [0:0]\n:WEB - [0:0]\n-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n${rules}\nCOMMIT\n`
  return translatesPort({ saves: [{ version: 4, program: 'iptables-nft-save', text }], nft: [], silent: [] }, 4, 80)
}

function ofNft(expr: readonly unknown[]): boolean {
  const place = { family: 'ip', table: 'nat' }
  const nft = [
    { table: { family: 'ip', name: 'nat' } },
    { chain: { ...place, name: 'base', hook: 'prerouting', policy: 'accept' } },
    { rule: { ...place, chain: 'base', handle: 10, expr } },
  ]
  return translatesPort({ saves: [], nft, silent: [] }, 4, 80)
}
