import t from 'tap'
import { translatesPort } from '../../src/rules-read/translation.js'

t.test('rules that send on what comes to the port of any address', (t) => {
  const table = [
    '-A DOCKER ! -i docker0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.17.0.2:8080',
    '-A PREROUTING ! -d 127.0.0.0/8 -p tcp -m addrtype --dst-type LOCAL -m tcp --dport 80 -j DNAT --to-destination 198.51.100.2:8080',
    '-A PREROUTING -p tcp -m multiport --dports 22,80,443 -j REDIRECT --to-ports 3000',
    '-A PREROUTING -p tcp -m tcp --dport 1:1023 -j REDIRECT',
    '\t\ttcp dport 80 counter packets 0 bytes 0 dnat to 172.17.0.2:8080',
    '\t\tip daddr != 127.0.0.0/8 tcp dport 80 dnat to 172.17.0.2:8080',
    '\t\ttcp dport { 80, 443 } redirect to :3000',
    '\t\ttcp dport 79-81 dnat ip6 to [2001:db8:1::2]:8080',
    '\t\tdnat ip to tcp dport map { 80 : 172.17.0.2, 81 : 172.17.0.3 }',
  ]
  for (const rule of table) t.equal(translatesPort(`*nat\n${rule}\nCOMMIT\n`, 80), true, rule)
  t.end()
})

t.test('rules that do not', (t) => {
  const table = [
    '',
    '-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80',
    '-A DOCKER -d 192.0.2.7/32 ! -i docker0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.17.0.2:80',
    '-A PREROUTING -p tcp -m tcp ! --dport 80 -j DNAT --to-destination 172.17.0.2:80',
    '-A PREROUTING -p tcp -m multiport --dports 180,800,8080 -j REDIRECT --to-ports 80',
    '-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT',
    '-A INPUT -p tcp -m tcp --dport 80 -m comment --comment "-j DNAT" -j ACCEPT',
    '-A INPUT -p tcp -m conntrack --ctstate NEW,DNAT -m tcp --dport 80 -j ACCEPT',
    '\t\tip daddr 192.0.2.7 tcp dport 80 dnat to 172.17.0.2:8080',
    '\t\ttcp dport 8080 dnat to 172.17.0.2:80',
    '\t\ttcp dport 80 accept comment "dnat"',
    '\t\tdnat to 172.17.0.2',
  ]
  for (const rule of table) t.equal(translatesPort(rule, 80), false, rule)
  t.end()
})
