import t from 'tap'
import type { Forward } from '../../../src/rules-read/forwards.js'
import { listeningSockets, type Listener } from '../../../src/diagnosis/doctor/listeners.js'
import { judgePort, servedFamilies, type PortFacts } from '../../../src/diagnosis/doctor/port.js'

const asked = { asked: 80, server: 'web server', option: '--port' }
const none = { listeners: [], forwards: { 4: [], 6: [] }, redirected: [] }
const nobody: PortFacts = { port: 80, ...asked, ...none, isStandalone: false }
const nginx = (address: string): Listener => ({
  address,
  version: address.includes(':') ? 6 : 4,
  process: { pid: 42, name: 'nginx' },
})
const container: Forward = { address: '172.17.0.2', port: 8080, origin: 'iptables-nft nat' }
const redirect: Forward = { address: undefined, port: 8080, origin: 'iptables-nft nat' }

t.test('the owner is named, with where it listens', (t) => {
  t.match(judgePort({ ...nobody, listeners: [nginx('0.0.0.0'), nginx('::')] }), {
    level: 'ok',
    message: 'port 80 belongs to nginx (process 42) on 0.0.0.0 and ::',
  })
  t.match(judgePort({ ...nobody, listeners: [{ ...nginx('::'), process: undefined }] }), {
    level: 'ok',
    message: 'port 80 belongs to a process that cannot be seen from here on ::',
  })
  t.end()
})

t.test('a container by destination NAT is an owner, also with a proxy process of its engine', (t) => {
  const forwards = { 4: [container], 6: [container] }
  t.match(judgePort({ ...nobody, forwards }), {
    level: 'ok',
    message: 'port 80 goes to 172.17.0.2:8080, says iptables-nft nat by NAT',
  })
  t.match(judgePort({ ...nobody, forwards, listeners: [nginx('0.0.0.0')] }), {
    level: 'ok',
    message: /by NAT \(nginx \(process 42\) on 0\.0\.0\.0 has the port itself\)$/,
  })
  t.end()
})

t.test('nobody is a failure, also behind a redirection; who listens for this machine only is worth a warning', (t) => {
  t.match(judgePort(nobody), { level: 'fail', fix: /--no-standalone/ })
  t.match(judgePort({ ...nobody, isStandalone: true, port: 8080 }), { level: 'warn', fix: /^leave out --port/ })
  t.match(judgePort({ ...nobody, isStandalone: true, areRulesUnread: true }), { level: 'warn', message: /not known/ })
  t.match(judgePort({ ...nobody, isStandalone: true }), { level: 'ok', message: /the responder will serve it itself/ })
  t.match(judgePort({ ...nobody, forwards: { 4: [redirect], 6: [] } }), {
    level: 'fail',
    message: /port 8080 of this machine/,
  })
  t.match(judgePort({ ...nobody, forwards: { 4: [redirect], 6: [] }, redirected: [nginx('0.0.0.0')] }), {
    level: 'ok',
    message: /nginx/,
  })
  t.match(judgePort({ ...nobody, listeners: [nginx('127.0.0.1'), nginx('::1')] }), {
    level: 'warn',
    message: /only this machine can reach/,
  })
  t.end()
})

t.test('the families in which somebody answers', (t) => {
  t.strictSame(servedFamilies(nobody), [])
  t.strictSame(servedFamilies({ ...nobody, isStandalone: true }), [4, 6])
  t.strictSame(
    servedFamilies({ ...nobody, isStandalone: true, listeners: [nginx('192.0.2.1')] }),
    [4, 6],
    'the responder takes the other family',
  )
  t.strictSame(servedFamilies({ ...nobody, isStandalone: true, listeners: [nginx('127.0.0.1'), nginx('::1')] }), [])
  t.strictSame(servedFamilies({ ...nobody, listeners: [nginx('0.0.0.0')] }), [4])
  t.strictSame(servedFamilies({ ...nobody, listeners: [nginx('::')] }), [4, 6])
  t.strictSame(servedFamilies({ ...nobody, listeners: [nginx('2001:db8::1')] }), [6])
  t.strictSame(servedFamilies({ ...nobody, listeners: [nginx('127.0.0.1')] }), [])
  t.strictSame(servedFamilies({ ...nobody, forwards: { 4: [container], 6: [] } }), [4])
  t.end()
})

t.test('sockets are read from the kernel’s table: those that listen on the port, and no others', (t) => {
  const head = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode'
  const line = (local: string, state: string, inode: number) =>
    `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0000000045f7616d 100 0 0 10 0`
  const ipv4 = [
    head,
    line('0100007F:0050', '0A', 11),
    line('00000000:0051', '0A', 12),
    line('0100007F:0050', '01', 13),
    '',
  ].join('\n')
  t.strictSame(listeningSockets(ipv4, 80, 4), [{ address: '127.0.0.1', version: 4, inode: '11' }])
  const ipv6 = [
    head,
    line('00000000000000000000000001000000:0050', '0A', 14),
    line('B80D0120000000000000000001000000:0050', '0A', 15),
  ].join('\n')
  t.strictSame(
    listeningSockets(ipv6, 80, 6).map(({ address }) => address),
    ['::1', '2001:db8::1'],
  )
  t.end()
})
