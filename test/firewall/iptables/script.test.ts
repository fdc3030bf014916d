import t from 'tap'
import { http01Selector } from '../../../src/challenge/http-01/selector.js'
import { tlsAlpn01Selector } from '../../../src/challenge/tls-alpn-01/selector.js'
import { toBytecode } from '../../../src/firewall/bpf/program.js'
import {
  beginsProgram,
  differsProgram,
  keyProgram,
  reachesProgram,
} from '../../../src/firewall/bpf/selector-programs.js'
import { chainName, tagOf } from '../../../src/firewall/iptables/chains.js'
import { holdsRuleset } from '../../../src/firewall/iptables/listing.js'
import { installScript, removeScript, undoScript } from '../../../src/firewall/iptables/script.js'
import { setsFor } from '../../../src/firewall/iptables/sets.js'
import type { Ruleset } from '../../../src/firewall/ruleset.js'
import { anyRuleset as ruleset, token } from '../any-ruleset.js'
import { savedByLegacy, savedByNft, savedUntracked, savedWithoutMangle } from './saved.js'

const tracked = { version: 4, isTracked: true } as const
const untracked = { version: 6, isTracked: false } as const
const http01 = http01Selector([80], [token])
const withPorts = (...ports: number[]): Ruleset => ({ ...ruleset, selectors: [http01Selector(ports, [token])] })

t.test(
  'where connections are tracked, candidates and what their connections carry further go to the queue, by the original port, from both hooks',
  (t) => {
    t.equal(
      withShortBytecode(installScript(ruleset, tracked)),
      `*mangle
:CERTBOT-NFQ-ab - [0:0]
:CERTBOT-NFQ-ab-C - [0:0]
:CERTBOT-NFQ-ab-1 - [0:0]
:CERTBOT-NFQ-ab-2 - [0:0]
:CERTBOT-NFQ-ab-A - [0:0]
:CERTBOT-NFQ-ab-I - [0:0]
:CERTBOT-NFQ-ab-U - [0:0]
:CERTBOT-NFQ-ab-N - [0:0]
:CERTBOT-NFQ-ab-Q - [0:0]
:CERTBOT-NFQ-ab-R - [0:0]
:CERTBOT-NFQ-ab-F - [0:0]
:CERTBOT-NFQ-ab-L - [0:0]
-I INPUT 1 -p tcp -j CERTBOT-NFQ-ab
-I FORWARD 1 -p tcp -j CERTBOT-NFQ-ab
-A CERTBOT-NFQ-ab -m connmark --mark 0x400000/0x400000 -m comment --comment certbot-nfq-ab -g CERTBOT-NFQ-ab-Q
-A CERTBOT-NFQ-ab -m bpf --bytecode "<begins like GET or HEAD>" -m comment --comment certbot-nfq-ab -j CERTBOT-NFQ-ab-C
-A CERTBOT-NFQ-ab -m conntrack --ctstate UNTRACKED -m comment --comment certbot-nfq-ab -j CERTBOT-NFQ-ab-R
-A CERTBOT-NFQ-ab-C -p tcp -m conntrack --ctorigdstport 80 --ctdir ORIGINAL -m comment --comment certbot-nfq-ab -j CERTBOT-NFQ-ab-1
-A CERTBOT-NFQ-ab-C -p tcp --dport 80 -m conntrack --ctstate UNTRACKED -m comment --comment certbot-nfq-ab -j CERTBOT-NFQ-ab-1
-A CERTBOT-NFQ-ab-C -p tcp -m conntrack --ctorigdstport 80 --ctdir ORIGINAL -m comment --comment certbot-nfq-ab -j CERTBOT-NFQ-ab-2
-A CERTBOT-NFQ-ab-C -p tcp --dport 80 -m conntrack --ctstate UNTRACKED -m comment --comment certbot-nfq-ab -j CERTBOT-NFQ-ab-2
-A CERTBOT-NFQ-ab-1 -m bpf --bytecode "<differs from GET>" -m comment --comment certbot-nfq-ab -j RETURN
-A CERTBOT-NFQ-ab-1 -m bpf --bytecode "<GET and the token>" -m comment --comment certbot-nfq-ab -g CERTBOT-NFQ-ab-A
-A CERTBOT-NFQ-ab-1 -m bpf --bytecode "<GET and four bytes>" -m comment --comment certbot-nfq-ab -g CERTBOT-NFQ-ab-N
-A CERTBOT-NFQ-ab-1 -m comment --comment certbot-nfq-ab -g CERTBOT-NFQ-ab-I
-A CERTBOT-NFQ-ab-2 -m bpf --bytecode "<differs from HEAD>" -m comment --comment certbot-nfq-ab -j RETURN
-A CERTBOT-NFQ-ab-2 -m bpf --bytecode "<HEAD and the token>" -m comment --comment certbot-nfq-ab -g CERTBOT-NFQ-ab-A
-A CERTBOT-NFQ-ab-2 -m bpf --bytecode "<HEAD and four bytes>" -m comment --comment certbot-nfq-ab -g CERTBOT-NFQ-ab-N
-A CERTBOT-NFQ-ab-2 -m comment --comment certbot-nfq-ab -g CERTBOT-NFQ-ab-I
-A CERTBOT-NFQ-ab-A -p tcp -m conntrack --ctstate UNTRACKED -m comment --comment certbot-nfq-ab -j SET --add-set certbot-nfq-ab-4 src,src --exist --timeout 60
-A CERTBOT-NFQ-ab-A -m conntrack --ctstate UNTRACKED -m length --length 0:61440 -m comment --comment certbot-nfq-ab -j NFQUEUE --queue-num 8555 --queue-bypass
-A CERTBOT-NFQ-ab-A -m comment --comment certbot-nfq-ab -j CONNMARK --set-xmark 0x400000/0x400000
-A CERTBOT-NFQ-ab-A -m length --length 0:61440 -m comment --comment certbot-nfq-ab -j NFQUEUE --queue-num 8555 --queue-bypass
-A CERTBOT-NFQ-ab-I -m set --match-set certbot-nfq-ab-4h src --packets-gt 49 -m comment --comment certbot-nfq-ab -j RETURN
-A CERTBOT-NFQ-ab-I -m comment --comment certbot-nfq-ab -j SET --add-set certbot-nfq-ab-4h src
-A CERTBOT-NFQ-ab-I -p tcp -m conntrack --ctstate UNTRACKED -m set --match-set certbot-nfq-ab-4s src,src -m comment --comment certbot-nfq-ab -j RETURN
-A CERTBOT-NFQ-ab-I -m limit --limit 200/sec --limit-burst 200 -m comment --comment certbot-nfq-ab -g CERTBOT-NFQ-ab-U
-A CERTBOT-NFQ-ab-U -p tcp -m conntrack --ctstate UNTRACKED -m comment --comment certbot-nfq-ab -j SET --add-set certbot-nfq-ab-4s src,src
-A CERTBOT-NFQ-ab-U -p tcp -m conntrack --ctstate UNTRACKED -m comment --comment certbot-nfq-ab -j SET --add-set certbot-nfq-ab-4 src,src --timeout 2
-A CERTBOT-NFQ-ab-U -m conntrack --ctstate UNTRACKED -m length --length 0:61440 -m comment --comment certbot-nfq-ab -j NFQUEUE --queue-num 8555 --queue-bypass
-A CERTBOT-NFQ-ab-U -m comment --comment certbot-nfq-ab -j CONNMARK --set-xmark 0x400000/0x400000
-A CERTBOT-NFQ-ab-U -m length --length 0:61440 -m comment --comment certbot-nfq-ab -j NFQUEUE --queue-num 8555 --queue-bypass
-A CERTBOT-NFQ-ab-N -m mark --mark 0x800000/0x800000 -m comment --comment certbot-nfq-ab -g CERTBOT-NFQ-ab-L
-A CERTBOT-NFQ-ab-N -m comment --comment certbot-nfq-ab
-A CERTBOT-NFQ-ab-N -m limit --limit 5/sec --limit-burst 5 -m length --length 0:61440 -m comment --comment certbot-nfq-ab -j NFQUEUE --queue-num 8555 --queue-bypass
-A CERTBOT-NFQ-ab-Q -m mark --mark 0x800000/0x800000 -m comment --comment certbot-nfq-ab -g CERTBOT-NFQ-ab-L
-A CERTBOT-NFQ-ab-Q -p tcp -m conntrack --ctorigdstport 80 --ctdir ORIGINAL -m comment --comment certbot-nfq-ab -g CERTBOT-NFQ-ab-F
-A CERTBOT-NFQ-ab-R -m mark --mark 0x800000/0x800000 -m comment --comment certbot-nfq-ab -g CERTBOT-NFQ-ab-L
-A CERTBOT-NFQ-ab-R -p tcp --dport 80 -m set --match-set certbot-nfq-ab-4 src,src -m comment --comment certbot-nfq-ab -g CERTBOT-NFQ-ab-F
-A CERTBOT-NFQ-ab-F -m limit --limit 2000/sec --limit-burst 500 -m length --length 0:61440 -m comment --comment certbot-nfq-ab -j NFQUEUE --queue-num 8555 --queue-bypass
-A CERTBOT-NFQ-ab-L -p tcp -m conntrack --ctstate UNTRACKED -m comment --comment certbot-nfq-ab -j SET --del-set certbot-nfq-ab-4 src,src
-A CERTBOT-NFQ-ab-L -m comment --comment certbot-nfq-ab -j CONNMARK --set-xmark 0x0/0x400000
-A CERTBOT-NFQ-ab-L -m comment --comment certbot-nfq-ab -j MARK --set-xmark 0x0/0x800000
COMMIT
`,
    )
    t.end()
  },
)

t.test(
  'where they are not, INPUT and the plain port lead there by source address, and nothing mentions tracking',
  (t) => {
    const script = installScript(ruleset, untracked)
    t.equal(
      withShortBytecode(script, 6),
      `*mangle
:CERTBOT-NFQ-ab - [0:0]
:CERTBOT-NFQ-ab-C - [0:0]
:CERTBOT-NFQ-ab-1 - [0:0]
:CERTBOT-NFQ-ab-2 - [0:0]
:CERTBOT-NFQ-ab-A - [0:0]
:CERTBOT-NFQ-ab-I - [0:0]
:CERTBOT-NFQ-ab-U - [0:0]
:CERTBOT-NFQ-ab-N - [0:0]
:CERTBOT-NFQ-ab-Q - [0:0]
:CERTBOT-NFQ-ab-R - [0:0]
:CERTBOT-NFQ-ab-F - [0:0]
:CERTBOT-NFQ-ab-L - [0:0]
-I INPUT 1 -p tcp -j CERTBOT-NFQ-ab
-A CERTBOT-NFQ-ab -p tcp --dport 80 -m set --match-set certbot-nfq-ab-6 src,src -m comment --comment certbot-nfq-ab -g CERTBOT-NFQ-ab-R
-A CERTBOT-NFQ-ab -m bpf --bytecode "<begins like GET or HEAD>" -m comment --comment certbot-nfq-ab -j CERTBOT-NFQ-ab-C
-A CERTBOT-NFQ-ab-C -p tcp --dport 80 -m comment --comment certbot-nfq-ab -j CERTBOT-NFQ-ab-1
-A CERTBOT-NFQ-ab-C -p tcp --dport 80 -m comment --comment certbot-nfq-ab -j CERTBOT-NFQ-ab-2
-A CERTBOT-NFQ-ab-1 -m bpf --bytecode "<differs from GET>" -m comment --comment certbot-nfq-ab -j RETURN
-A CERTBOT-NFQ-ab-1 -m bpf --bytecode "<GET and the token>" -m comment --comment certbot-nfq-ab -g CERTBOT-NFQ-ab-A
-A CERTBOT-NFQ-ab-1 -m bpf --bytecode "<GET and four bytes>" -m comment --comment certbot-nfq-ab -g CERTBOT-NFQ-ab-N
-A CERTBOT-NFQ-ab-1 -m comment --comment certbot-nfq-ab -g CERTBOT-NFQ-ab-I
-A CERTBOT-NFQ-ab-2 -m bpf --bytecode "<differs from HEAD>" -m comment --comment certbot-nfq-ab -j RETURN
-A CERTBOT-NFQ-ab-2 -m bpf --bytecode "<HEAD and the token>" -m comment --comment certbot-nfq-ab -g CERTBOT-NFQ-ab-A
-A CERTBOT-NFQ-ab-2 -m bpf --bytecode "<HEAD and four bytes>" -m comment --comment certbot-nfq-ab -g CERTBOT-NFQ-ab-N
-A CERTBOT-NFQ-ab-2 -m comment --comment certbot-nfq-ab -g CERTBOT-NFQ-ab-I
-A CERTBOT-NFQ-ab-A -p tcp -m comment --comment certbot-nfq-ab -j SET --add-set certbot-nfq-ab-6 src,src --exist --timeout 60
-A CERTBOT-NFQ-ab-A -m length --length 0:61440 -m comment --comment certbot-nfq-ab -j NFQUEUE --queue-num 8555 --queue-bypass
-A CERTBOT-NFQ-ab-I -m set --match-set certbot-nfq-ab-6h src --packets-gt 49 -m comment --comment certbot-nfq-ab -j RETURN
-A CERTBOT-NFQ-ab-I -m comment --comment certbot-nfq-ab -j SET --add-set certbot-nfq-ab-6h src
-A CERTBOT-NFQ-ab-I -p tcp -m set --match-set certbot-nfq-ab-6s src,src -m comment --comment certbot-nfq-ab -j RETURN
-A CERTBOT-NFQ-ab-I -m limit --limit 200/sec --limit-burst 200 -m comment --comment certbot-nfq-ab -g CERTBOT-NFQ-ab-U
-A CERTBOT-NFQ-ab-U -p tcp -m comment --comment certbot-nfq-ab -j SET --add-set certbot-nfq-ab-6s src,src
-A CERTBOT-NFQ-ab-U -p tcp -m comment --comment certbot-nfq-ab -j SET --add-set certbot-nfq-ab-6 src,src --timeout 2
-A CERTBOT-NFQ-ab-U -m length --length 0:61440 -m comment --comment certbot-nfq-ab -j NFQUEUE --queue-num 8555 --queue-bypass
-A CERTBOT-NFQ-ab-N -m mark --mark 0x800000/0x800000 -m comment --comment certbot-nfq-ab -g CERTBOT-NFQ-ab-L
-A CERTBOT-NFQ-ab-N -m comment --comment certbot-nfq-ab
-A CERTBOT-NFQ-ab-N -m limit --limit 5/sec --limit-burst 5 -m length --length 0:61440 -m comment --comment certbot-nfq-ab -j NFQUEUE --queue-num 8555 --queue-bypass
-A CERTBOT-NFQ-ab-R -m mark --mark 0x800000/0x800000 -m comment --comment certbot-nfq-ab -g CERTBOT-NFQ-ab-L
-A CERTBOT-NFQ-ab-R -m bpf --bytecode "<begins like GET or HEAD>" -m comment --comment certbot-nfq-ab -j CERTBOT-NFQ-ab-C
-A CERTBOT-NFQ-ab-R -m comment --comment certbot-nfq-ab -g CERTBOT-NFQ-ab-F
-A CERTBOT-NFQ-ab-F -m limit --limit 2000/sec --limit-burst 500 -m length --length 0:61440 -m comment --comment certbot-nfq-ab -j NFQUEUE --queue-num 8555 --queue-bypass
-A CERTBOT-NFQ-ab-L -p tcp -m comment --comment certbot-nfq-ab -j SET --del-set certbot-nfq-ab-6 src,src
-A CERTBOT-NFQ-ab-L -m comment --comment certbot-nfq-ab -j MARK --set-xmark 0x0/0x800000
COMMIT
`,
    )
    for (const selection of ['prefilter', 'port'] as const) {
      t.notMatch(
        installScript({ ...ruleset, selection }, { ...tracked, isTracked: false }),
        /conntrack|connmark|CONNMARK/,
        'these would switch it on',
      )
    }
    t.end()
  },
)

t.test('where the kernel cannot pick candidates, all of the port goes to the queue', (t) => {
  t.equal(
    installScript({ ...ruleset, selection: 'port' }, tracked),
    `*mangle
:CERTBOT-NFQ-ab - [0:0]
:CERTBOT-NFQ-ab-C - [0:0]
:CERTBOT-NFQ-ab-1 - [0:0]
:CERTBOT-NFQ-ab-2 - [0:0]
:CERTBOT-NFQ-ab-A - [0:0]
:CERTBOT-NFQ-ab-I - [0:0]
:CERTBOT-NFQ-ab-U - [0:0]
:CERTBOT-NFQ-ab-N - [0:0]
:CERTBOT-NFQ-ab-Q - [0:0]
:CERTBOT-NFQ-ab-R - [0:0]
:CERTBOT-NFQ-ab-F - [0:0]
:CERTBOT-NFQ-ab-L - [0:0]
-I INPUT 1 -p tcp -j CERTBOT-NFQ-ab
-I FORWARD 1 -p tcp -j CERTBOT-NFQ-ab
-A CERTBOT-NFQ-ab -m comment --comment certbot-nfq-ab -j CERTBOT-NFQ-ab-Q
-A CERTBOT-NFQ-ab -m conntrack --ctstate UNTRACKED -m comment --comment certbot-nfq-ab -j CERTBOT-NFQ-ab-R
-A CERTBOT-NFQ-ab-Q -p tcp -m conntrack --ctorigdstport 80 --ctdir ORIGINAL -m length --length 0:61440 -m comment --comment certbot-nfq-ab -j NFQUEUE --queue-num 8555 --queue-bypass
-A CERTBOT-NFQ-ab-R -p tcp --dport 80 -m length --length 0:61440 -m comment --comment certbot-nfq-ab -j NFQUEUE --queue-num 8555 --queue-bypass
COMMIT
`,
  )
  t.end()
})

t.test('each port has its rules; queue and mark are those asked for', (t) => {
  const script = installScript({ ...withPorts(80, 8080), queue: 7, mark: 0x80000000 }, tracked)
  for (const port of [80, 8080]) {
    for (const chain of ['C', 'Q'])
      t.match(script, `-A CERTBOT-NFQ-ab-${chain} -p tcp -m conntrack --ctorigdstport ${port} --ctdir ORIGINAL `)
    t.match(script, `-A CERTBOT-NFQ-ab-C -p tcp --dport ${port} -m conntrack --ctstate UNTRACKED `)
    t.match(script, `-A CERTBOT-NFQ-ab-R -p tcp --dport ${port} -m set `)
  }
  t.match(script, '--set-xmark 0x80000000/0x80000000\n')
  t.match(script, '-m connmark --mark 0x80000000/0x80000000 ')
  t.equal(script.match(/--queue-num 7 /g)?.length, 6)
  t.end()
})

t.test('over what is there, only jumps that are missing are made, and the chains are filled anew', (t) => {
  for (const saved of [savedByNft, savedByLegacy]) {
    t.notMatch(installScript(ruleset, tracked, saved), /^-I/m)
    t.match(installScript(ruleset, tracked, without(saved, /^-A FORWARD .*-j CERTBOT-NFQ-ab$/)).match(/^-I.*/gm), [
      '-I FORWARD 1 -p tcp -j CERTBOT-NFQ-ab',
    ])
  }
  t.equal(installScript(ruleset, untracked, savedUntracked), installScript(ruleset, untracked).replace(/^-I.*\n/m, ''))
  t.equal(installScript(ruleset, tracked, savedWithoutMangle), installScript(ruleset, tracked))
  t.end()
})

t.test('a jump with a rule of another program before it moves to the top, one with jumps of responders stays', (t) => {
  for (const saved of [savedByNft, savedByLegacy]) {
    const [jump = ''] = /^-A FORWARD .*-j CERTBOT-NFQ-ab$/m.exec(saved) ?? []
    const behind = (rule: string) => saved.replace(jump, `-A FORWARD ${rule}\n${jump}`)
    for (const rule of [
      '-p tcp -j ACCEPT',
      '-p tcp -j THEIRS',
      '-p tcp -g THEIRS',
      '-m comment --comment " -j CERTBOT-NFQ-ab" -j ACCEPT',
      '-p tcp',
    ]) {
      t.equal(holdsRuleset(behind(rule), ruleset, tracked), false, rule)
      t.strictSame(
        installScript(ruleset, tracked, behind(rule)).match(/^-[DI].*/gm),
        ['-D FORWARD -p tcp -j CERTBOT-NFQ-ab', '-I FORWARD 1 -p tcp -j CERTBOT-NFQ-ab'],
        rule,
      )
    }
    const others = behind('-p tcp -j CERTBOT-NFQ-abcd')
    t.equal(holdsRuleset(others, ruleset, tracked), true)
    t.notMatch(installScript(ruleset, tracked, others), /^-[DI]/m)
    t.equal(holdsRuleset(saved.replace(jump, `${jump}\n-A FORWARD -j ACCEPT`), ruleset, tracked), true)
  }
  t.end()
})

t.test('nothing is ever queued without the bypass or that is too long, and every rule says whose it is', (t) => {
  for (const selection of ['prefilter', 'port'] as const) {
    for (const [version, isTracked] of [
      [4, true],
      [6, true],
      [4, false],
      [6, false],
    ] as const) {
      const rules = installScript({ ...withPorts(80, 81), selection }, { version, isTracked })
        .split('\n')
        .filter((line) => line.startsWith('-'))
      const queueing = rules.filter((rule) => rule.includes('NFQUEUE'))
      t.ok(queueing.length > 0)
      t.strictSame(
        queueing.filter((rule) => !/ -m length --length 0:61440 .* --queue-bypass$/.test(rule)),
        [],
      )
      t.strictSame(
        rules.filter((rule) => !/ --comment certbot-nfq-ab( |$)/.test(rule) && !/^-I .* -j CERTBOT-NFQ-ab$/.test(rule)),
        [],
      )
    }
  }
  t.end()
})

t.test('beyond what one program holds, tokens have further rules, and those of a hundred are all there', (t) => {
  const tokens = Array.from({ length: 100 }, (_, index) => `${String(index).padStart(3, 'x')}-${token}`)
  const script = installScript({ ...ruleset, selectors: [http01Selector([80], tokens)] }, tracked)
  for (const place of [1, 2]) {
    const rules = script.split('\n').filter((line) => line.startsWith(`-A CERTBOT-NFQ-ab-${place} `))
    t.equal(rules.filter((rule) => rule.endsWith('-g CERTBOT-NFQ-ab-A')).length, 3)
    for (const one of tokens) {
      const word = ` ${Buffer.from(one).readUInt32BE()},`
      t.ok(
        rules.some((rule) => rule.includes(word)),
        `${one}, ${place}`,
      )
    }
  }
  t.end()
})

t.test('where other tokens are wanted, they are taken within limits', (t) => {
  const others = { ...ruleset, selectors: [http01Selector([80], [token], true)] }
  const rules = installScript(others, tracked).split('\n')
  t.strictSame(
    rules
      .filter((rule) => rule.startsWith('-A CERTBOT-NFQ-ab-N '))
      .map((rule) => rule.replace(' -m comment --comment certbot-nfq-ab', '')),
    [
      '-A CERTBOT-NFQ-ab-N -m mark --mark 0x800000/0x800000 -g CERTBOT-NFQ-ab-L',
      '-A CERTBOT-NFQ-ab-N',
      '-A CERTBOT-NFQ-ab-N -m set --match-set certbot-nfq-ab-4a src --packets-gt 599 -j RETURN',
      '-A CERTBOT-NFQ-ab-N -j SET --add-set certbot-nfq-ab-4a src',
      '-A CERTBOT-NFQ-ab-N -m limit --limit 400/sec --limit-burst 1000 -g CERTBOT-NFQ-ab-A',
    ],
  )
  t.ok(rules.some((rule) => rule.startsWith('-A CERTBOT-NFQ-ab-F -m limit --limit 2000/sec --limit-burst 2000 ')))
  const sets = setsFor('ab', 4, others.selectors)
  t.strictSame(sets.at(-1), { name: 'certbot-nfq-ab-4a', kind: { of: 'address', seconds: 6 } })
  t.strictSame(setsFor('ab', 6, others.selectors).at(-1)?.kind, { of: 'address', seconds: 6, bits: 64 })
  t.end()
})

t.test('a ruleset without datagrams takes the jump away that one with them has left', (t) => {
  const saved = [
    '*mangle',
    ':CERTBOT-NFQ-ab - [0:0]',
    ':CERTBOT-NFQ-ab-D - [0:0]',
    '-A INPUT -p udp -j CERTBOT-NFQ-ab-D',
    '-A INPUT -p tcp -j CERTBOT-NFQ-ab',
    '-A INPUT -p udp -j CERTBOT-NFQ-abcd-D',
    'COMMIT',
  ].join('\n')
  t.match(
    installScript(ruleset, tracked, saved),
    /^-D INPUT -p udp -j CERTBOT-NFQ-ab-D\n-F CERTBOT-NFQ-ab-D\n-X CERTBOT-NFQ-ab-D$/m,
  )
  t.end()
})

t.test(
  'a hello is searched for its protocol; one that is whole without it is left alone, all others are limited',
  (t) => {
    const tls = { ...ruleset, selectors: [tlsAlpn01Selector([443])] }
    const rules = installScript(tls, tracked).split('\n')
    const of = (chain: string) =>
      rules
        .filter((rule) => rule.startsWith(`-A CERTBOT-NFQ-ab-${chain} `))
        .map((rule) => rule.replace(' -m comment --comment certbot-nfq-ab', '').replace(/"[\d ,]+"/, 'PROGRAM'))
    t.strictSame(of('1'), [
      '-A CERTBOT-NFQ-ab-1 -m bpf --bytecode PROGRAM -j RETURN',
      '-A CERTBOT-NFQ-ab-1 -m string --algo kmp --string acme-tls/1 -g CERTBOT-NFQ-ab-T',
      '-A CERTBOT-NFQ-ab-1 -m bpf --bytecode PROGRAM -j RETURN',
      '-A CERTBOT-NFQ-ab-1 -g CERTBOT-NFQ-ab-I',
    ])
    t.strictSame(of('T'), [
      '-A CERTBOT-NFQ-ab-T -m mark --mark 0x800000/0x800000 -g CERTBOT-NFQ-ab-L',
      '-A CERTBOT-NFQ-ab-T -m set --match-set certbot-nfq-ab-4t src --packets-gt 599 -j RETURN',
      '-A CERTBOT-NFQ-ab-T -j SET --add-set certbot-nfq-ab-4t src',
      '-A CERTBOT-NFQ-ab-T -m limit --limit 1000/sec --limit-burst 1000 -g CERTBOT-NFQ-ab-A',
    ])
    t.strictSame(setsFor('ab', 4, tls.selectors).at(-1), {
      name: 'certbot-nfq-ab-4t',
      kind: { of: 'address', seconds: 6 },
    })
    t.equal(tagOf('CERTBOT-NFQ-ab-T'), 'ab', 'the chain is known as ours')
    t.notMatch(installScript(ruleset, tracked), /CERTBOT-NFQ-ab-T|--string/)
    t.end()
  },
)

t.test('selectors of datagrams have a chain of their own, and are not followed', (t) => {
  const udp = { ...http01, transport: 'udp', ports: [53] } as const
  const script = installScript({ ...ruleset, selectors: [udp] }, tracked)
  t.same(script.match(/^-I .*$/gm), [
    '-I INPUT 1 -p udp -j CERTBOT-NFQ-ab-D',
    '-I FORWARD 1 -p udp -j CERTBOT-NFQ-ab-D',
  ])
  t.match(script, /^-A CERTBOT-NFQ-ab-D -m bpf .* -j CERTBOT-NFQ-ab-C$/m)
  t.match(script, /^-A CERTBOT-NFQ-ab-C -p udp -m conntrack --ctorigdstport 53 /m)
  t.notMatch(script, /-g CERTBOT-NFQ-ab-I$/m, 'a datagram is whole')
  t.notMatch(script, /^-A CERTBOT-NFQ-ab(-[QR])? /m)
  const both = installScript({ ...ruleset, selectors: [udp, http01] }, tracked)
  t.match(both, '-A CERTBOT-NFQ-ab-A -p udp -m length --length 0:61440 ')
  t.match(
    both,
    '-A CERTBOT-NFQ-ab-C -p tcp --dport 80 -m conntrack --ctstate UNTRACKED -m comment --comment certbot-nfq-ab -j CERTBOT-NFQ-ab-4',
  )
  t.end()
})

t.test('chains of an earlier ruleset that are of no use any more are taken away', (t) => {
  const more = installScript({ ...ruleset, selectors: [http01, { ...http01, ports: [81] }] }, tracked)
  const script = installScript(ruleset, tracked, more.replace(/^-I (\S+) 1 /gm, '-A $1 '))
  t.same(script.match(/^-[FX].*$/gm), [
    '-F CERTBOT-NFQ-ab-3',
    '-X CERTBOT-NFQ-ab-3',
    '-F CERTBOT-NFQ-ab-4',
    '-X CERTBOT-NFQ-ab-4',
  ])
  t.notMatch(installScript(ruleset, tracked, savedByNft), /^-[FX]/m)
  t.end()
})

t.test('names fit the 28 characters that iptables allows, with the tags there are', (t) => {
  t.ok(`${chainName('95f7d39a')}-Q`.length <= 28)
  t.end()
})

t.test(
  'removing takes each jump, then empties the chains, then removes them: of one tag only, in both variants',
  (t) => {
    const script = (tag: string) => `*mangle
-D INPUT -p tcp -j CERTBOT-NFQ-${tag}
-D FORWARD -p tcp -j CERTBOT-NFQ-${tag}
-F CERTBOT-NFQ-${tag}
-F CERTBOT-NFQ-${tag}-1
-F CERTBOT-NFQ-${tag}-2
-F CERTBOT-NFQ-${tag}-A
-F CERTBOT-NFQ-${tag}-C
-F CERTBOT-NFQ-${tag}-F
-F CERTBOT-NFQ-${tag}-I
-F CERTBOT-NFQ-${tag}-L
-F CERTBOT-NFQ-${tag}-N
-F CERTBOT-NFQ-${tag}-Q
-F CERTBOT-NFQ-${tag}-R
-F CERTBOT-NFQ-${tag}-U
-X CERTBOT-NFQ-${tag}
-X CERTBOT-NFQ-${tag}-1
-X CERTBOT-NFQ-${tag}-2
-X CERTBOT-NFQ-${tag}-A
-X CERTBOT-NFQ-${tag}-C
-X CERTBOT-NFQ-${tag}-F
-X CERTBOT-NFQ-${tag}-I
-X CERTBOT-NFQ-${tag}-L
-X CERTBOT-NFQ-${tag}-N
-X CERTBOT-NFQ-${tag}-Q
-X CERTBOT-NFQ-${tag}-R
-X CERTBOT-NFQ-${tag}-U
COMMIT
`
    for (const saved of [savedByNft, savedByLegacy]) {
      for (const tag of ['ab', 'abcd']) t.equal(removeScript(saved, tag), script(tag))
    }
    t.equal(removeScript(savedUntracked, 'ab'), script('ab').replace(/^-D FORWARD.*\n/m, ''))
    t.end()
  },
)

t.test('undoing takes back what was installed, and the built-in chains that were new', (t) => {
  t.equal(
    undoScript(ruleset, tracked, ['INPUT']),
    `*mangle
-D INPUT -p tcp -j CERTBOT-NFQ-ab
-D FORWARD -p tcp -j CERTBOT-NFQ-ab
-F CERTBOT-NFQ-ab
-F CERTBOT-NFQ-ab-C
-F CERTBOT-NFQ-ab-1
-F CERTBOT-NFQ-ab-2
-F CERTBOT-NFQ-ab-A
-F CERTBOT-NFQ-ab-I
-F CERTBOT-NFQ-ab-U
-F CERTBOT-NFQ-ab-N
-F CERTBOT-NFQ-ab-Q
-F CERTBOT-NFQ-ab-R
-F CERTBOT-NFQ-ab-F
-F CERTBOT-NFQ-ab-L
-X CERTBOT-NFQ-ab
-X CERTBOT-NFQ-ab-C
-X CERTBOT-NFQ-ab-1
-X CERTBOT-NFQ-ab-2
-X CERTBOT-NFQ-ab-A
-X CERTBOT-NFQ-ab-I
-X CERTBOT-NFQ-ab-U
-X CERTBOT-NFQ-ab-N
-X CERTBOT-NFQ-ab-Q
-X CERTBOT-NFQ-ab-R
-X CERTBOT-NFQ-ab-F
-X CERTBOT-NFQ-ab-L
-X INPUT
COMMIT
`,
  )
  const sorted = (script = '') => script.split('\n').sort()
  t.same(sorted(undoScript(ruleset, tracked, [])), sorted(removeScript(savedByNft, 'ab')))
  t.same(sorted(undoScript(ruleset, untracked, [])), sorted(removeScript(savedUntracked, 'ab')))
  t.end()
})

t.test('where nothing is ours there is nothing to remove', (t) => {
  for (const tag of ['a', 'b', 'abc', 'bcd', 'CERTBOT-NFQ-ab', ''])
    t.equal(removeScript(savedByNft, tag), undefined, tag)
  for (const saved of ['', savedWithoutMangle, '*mangle\nCOMMIT\n']) t.equal(removeScript(saved, 'ab'), undefined)
  const elsewhere = savedByNft.replace('*mangle', '*raw').replace('*filter', '*mangle')
  t.equal(removeScript(elsewhere, 'ab'), undefined, 'other tables are not ours')
  t.end()
})

t.test('what is half there is removed: chains without jumps, jumps of other people’s chains, doubled jumps', (t) => {
  const chainsAlone = without(savedByNft, /^-A (INPUT|FORWARD) .*-j CERTBOT-NFQ-ab$/)
  t.equal(removeScript(chainsAlone, 'ab')?.match(/^-D/m), null)
  t.match(removeScript(chainsAlone, 'ab'), /^-X CERTBOT-NFQ-ab$/m)
  const jump = '-A INPUT -p tcp -j CERTBOT-NFQ-ab\n'
  t.equal(removeScript(savedByNft.replace(jump, jump + jump), 'ab')?.match(/^-D INPUT/gm)?.length, 2)
  const foreign = removeScript(
    savedByNft.replace('-A CERTBOT-NFQ-other -j RETURN', '-A CERTBOT-NFQ-other -s 192.0.2.0/24 -j CERTBOT-NFQ-ab-Q'),
    'ab',
  )
  t.match(
    foreign,
    '-D CERTBOT-NFQ-other -s 192.0.2.0/24 -j CERTBOT-NFQ-ab-Q\n',
    'or the kernel would not let the chain go',
  )
  t.end()
})

t.test('a rule of somebody else that only speaks of our chain in its comment stays', (t) => {
  const saved = savedByNft.replace('"not for CERTBOT-NFQ-ab"', '"see -j CERTBOT-NFQ-ab for 80"')
  t.equal(removeScript(saved, 'ab'), removeScript(savedByNft, 'ab'))
  t.end()
})

t.test('what was installed is found in what both variants save', (t) => {
  for (const saved of [savedByNft, savedByLegacy]) {
    t.equal(holdsRuleset(saved, ruleset, tracked), true)
    t.equal(holdsRuleset(saved, { ...ruleset, tag: 'abcd' }, tracked), true)
  }
  t.equal(holdsRuleset(savedUntracked, ruleset, untracked), true)
  t.end()
})

t.test('without any one of its rules it is not', (t) => {
  for (const [saved, version, isTracked] of [
    [savedByNft, 4, true],
    [savedByLegacy, 4, true],
    [savedUntracked, 6, false],
  ] as const) {
    const ours = saved.split('\n').filter((line) => /--comment certbot-nfq-ab( |$)|-j CERTBOT-NFQ-ab$/.test(line))
    t.equal(ours.length, isTracked ? 41 : 31)
    for (const rule of ours) {
      const broken = saved.replace(`${rule}\n`, '')
      t.not(broken, saved)
      t.equal(holdsRuleset(broken, ruleset, { version, isTracked }), false, rule)
    }
  }
  t.end()
})

t.test('with a rule too many, with rules of another ruleset, or with none it is not', (t) => {
  const rule = '-A CERTBOT-NFQ-ab-1 -m comment --comment certbot-nfq-ab -g CERTBOT-NFQ-ab-I\n'
  t.equal(holdsRuleset(savedByNft.replace(rule, rule + rule), ruleset, tracked), false)
  t.equal(holdsRuleset(savedByNft, withPorts(80, 8080), tracked), false)
  t.equal(holdsRuleset(savedByNft, { ...ruleset, selection: 'port' }, tracked), false)
  t.equal(holdsRuleset(savedByNft, { ...ruleset, tag: 'abc' }, tracked), false)
  t.equal(holdsRuleset(savedUntracked, ruleset, { ...untracked, isTracked: true }), false)
  for (const saved of ['', savedWithoutMangle]) t.equal(holdsRuleset(saved, ruleset, tracked), false)
  t.end()
})

t.test('what other people’s rules do is not looked at', (t) => {
  const others = without(savedByNft, /abcd|other|--dport (443|22)/)
  t.equal(holdsRuleset(others, ruleset, tracked), true)
  t.end()
})

/** Bytecode by its name: the programs are tested by themselves. */
function withShortBytecode(script: string, version: 4 | 6 = 4): string {
  const keys = http01.keys === 'any' ? [] : http01.keys
  const programs = {
    'begins like GET or HEAD': beginsProgram(version, 'tcp', http01.starts),
    ...Object.fromEntries(
      http01.starts.flatMap((start, index) => {
        const method = ['GET', 'HEAD'][index] ?? ''
        return [
          [`differs from ${method}`, differsProgram(version, 'tcp', start)],
          [`${method} and the token`, keyProgram(version, 'tcp', start, keys)],
          [`${method} and four bytes`, reachesProgram(version, 'tcp', start, 4)],
        ]
      }),
    ),
  }
  return Object.entries(programs).reduce(
    (text, [name, program]) => text.replaceAll(`"${toBytecode(program)}"`, `"<${name}>"`),
    script,
  )
}

function without(saved: string, line: RegExp): string {
  return saved
    .split('\n')
    .filter((text) => !line.test(text))
    .join('\n')
}
