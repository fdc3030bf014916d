import t from 'tap'
import type { Run } from '../../src/firewall/run.js'
import { putFirewallProgramsOnPath } from './fake-programs.js'

putFirewallProgramsOnPath()
const { hasTrackingRules, isLegacyInUse, usesTracking } = await import('../../src/firewall/tracking-rules.js')

const using = [
  'ct state established,related accept',
  'tcp dport 80 dnat to 172.17.0.2:8080',
  'oifname "eth0" masquerade',
  'tcp dport 80 redirect to :8080',
  '-A INPUT -m conntrack --ctstate INVALID -j DROP',
  '-A INPUT -m state --state ESTABLISHED -j ACCEPT',
  '-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE',
  '-A PREROUTING -j CONNMARK --restore-mark',
]

const notUsing = [
  'tcp dport 80 accept',
  '-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT',
  '-A INPUT -m comment --comment "ct state and MASQUERADE are not used here" -j ACCEPT',
  'counter packets 0 bytes 0 comment "dnat \\" masquerade "',
  'table ip filter { chain act { type filter hook input priority 0; policy accept; } }',
  'meta mark set 0x1',
]

t.test('rules that need connection tracking are told from those that do not, whatever their comments say', (t) => {
  for (const rule of using) t.equal(usesTracking(`table ip x {\n${rule}\n}`), true, rule)
  for (const rule of notUsing) t.equal(usesTracking(rule), false, rule)
  t.end()
})

t.test('the rules of an IP version are those of its own tables, of inet, and of legacy iptables in use', async (t) => {
  for (const [version, family, legacy] of [
    [4, 'ip', 'iptables-legacy-save'],
    [6, 'ip6', 'ip6tables-legacy-save'],
  ] as const) {
    const ours = [`nft -t list ruleset ${family}; list ruleset inet`, ...(isLegacyInUse(version) ? [legacy] : [])]
    const asked: string[] = []
    const telling =
      (command: string): Run =>
      async (argv) => {
        asked.push(argv.join(' '))
        return { exitCode: 0, stdout: argv.join(' ') === command ? 'ct state new accept\n' : '', stderr: '' }
      }
    t.equal(await hasTrackingRules(version, telling('nobody')), false)
    t.strictSame(asked.sort(), [...ours].sort())
    for (const command of ours) t.equal(await hasTrackingRules(version, telling(command)), true, command)
  }
})
