import t from 'tap'
import { openLab } from '../../src/lab/lab.js'
import { normaliseNft, normaliseSave, snapshotRules } from '../../src/lab/rules.js'
import { requiresKernel } from '../requires-kernel.js'

const { skip } = await requiresKernel()

t.test('counters, dates and empty built-in tables do not count', async (t) => {
  const one =
    '# Generated on Monday\n*mangle\n:INPUT ACCEPT [1:2]\nCOMMIT\n*filter\n:INPUT DROP [3:4]\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n'
  const other =
    '*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n# Completed on Tuesday\n'
  t.equal(normaliseSave(one), normaliseSave(other))
  t.match(normaliseSave(one), /:INPUT DROP\n-A INPUT -i lo -j ACCEPT\n/)
})

t.test('a chain of its own counts, even empty', async (t) => {
  t.not(normaliseSave('*mangle\n:INPUT ACCEPT [0:0]\n:certbot-nfq - [0:0]\nCOMMIT\n'), '')
  t.not(normaliseNft('table ip mangle {\n\tchain certbot-nfq {\n\t}\n}\n'), '')
})

t.test('what iptables-nft leaves of a table does not count, a table of another name does', async (t) => {
  const chains = '\tchain INPUT {\n\t\ttype filter hook input priority mangle; policy accept;\n\t}\n'
  const forward = '\n\tchain FORWARD {\n\t\ttype filter hook forward priority mangle; policy accept;\n\t}\n'
  t.equal(normaliseNft(`table ip mangle {\n${chains}${forward}}\n`), '')
  t.not(normaliseNft(`table inet certbot-nfq {\n${chains}}\n`), '')
  t.not(normaliseNft(`table ip mangle {\n${chains.replace('accept', 'drop')}}\n`), '')
})

t.test('counters and times of nft do not count', async (t) => {
  const table = (packets: number, seconds: number): string =>
    `table inet t {\n\tset s {\n\t\telements = { 192.0.2.2 timeout 1m expires ${seconds}s }\n\t}\n\tchain c {\n\t\tcounter packets ${packets} bytes 0 accept\n\t}\n}\n`
  t.equal(normaliseNft(table(1, 50)), normaliseNft(table(2, 7)))
})

t.test('a snapshot sees every change of rules and their removal', { skip }, async (t) => {
  const lab = await openLab()
  t.teardown(lab.close)
  const { server } = lab
  const before = await snapshotRules(server)
  const changes = ['iptables-nft', 'ip6tables-nft', 'iptables-legacy', 'ip6tables-legacy'].flatMap((iptables) => [
    [
      `${iptables} -t mangle -A FORWARD -p tcp --dport 80 -j ACCEPT`,
      `${iptables} -t mangle -D FORWARD -p tcp --dport 80 -j ACCEPT`,
    ],
    [`${iptables} -t mangle -N certbot-nfq`, `${iptables} -t mangle -X certbot-nfq`],
    [`${iptables} -P INPUT DROP`, `${iptables} -P INPUT ACCEPT`],
  ])
  for (const [make = '', undo = ''] of [...changes, ['nft add table inet mine', 'nft delete table inet mine']]) {
    await server.exec(make.split(' '))
    t.not(await snapshotRules(server), before, make)
    await server.exec(undo.split(' '))
    t.equal(await snapshotRules(server), before, undo)
  }
})
