import t from 'tap'
import { http01Selector } from '../../src/challenge/http-01/selector.js'
import { setsFor } from '../../src/firewall/iptables/sets.js'
import type { Ruleset } from '../../src/firewall/ruleset.js'
import { Failure } from '../../src/failure.js'
import { fakeIptables, type Call } from './iptables/fake-iptables.js'
import { putFirewallProgramsOnPath } from './fake-programs.js'

putFirewallProgramsOnPath()
const { installFirst, sweep } = await import('../../src/firewall/choose.js')
const { isLegacyInUse } = await import('../../src/firewall/tracking-rules.js')
const { iptablesFirewall } = await import('../../src/firewall/iptables/iptables.js')

const ruleset: Omit<Ruleset, 'selection'> = {
  tag: 'ab',
  selectors: [{ ...http01Selector([80], []), keys: 'any' }],
  queue: 8555,
  mark: 0x400000,
  families: [
    { version: 4, isTracked: true },
    { version: 6, isTracked: false },
  ],
}

const noNfqueue = "iptables-restore v1.8.9 (legacy): Couldn't load target `NFQUEUE':No such file or directory"

t.test('the back end that was asked for is taken', async (t) => {
  const kernel = fakeIptables()
  t.match(await installFirst('iptables-legacy', ruleset, kernel.run, kernel.sets), {
    firewall: { name: 'iptables-legacy' },
    selection: 'prefilter',
    reason: 'first choice',
  })
  t.ok(kernel.table('iptables-legacy')?.has('CERTBOT-NFQ-ab'))
  t.ok(kernel.table('ip6tables-legacy')?.has('CERTBOT-NFQ-ab'))
  t.equal(kernel.table('iptables'), undefined)
})

t.test('by itself it takes the first that works, and says what the others said', async (t) => {
  // The fake nft(8) refuses everything.
  const kernel = fakeIptables(({ command }) => (/^ip6?tables-restore/.test(command) ? 'no NFQUEUE' : undefined))
  const { firewall, selection, reason } = await installFirst('auto', ruleset, kernel.run, kernel.sets)
  t.strictSame([firewall.name, selection], ['iptables-nft', 'prefilter'])
  t.match(reason, /^nft \(prefilter\): [^;]+; iptables \(prefilter\): iptables-restore --noflush -w 10: no NFQUEUE$/)
  t.equal(await firewall.presence(), 'whole')
})

t.test('where bpf is refused by all, the first that can queue the whole port is taken', async (t) => {
  const kernel = fakeIptables(refuseBpf)
  const { firewall, selection, reason } = await installFirst('auto', ruleset, kernel.run, kernel.sets)
  t.strictSame([firewall.name, selection], ['iptables', 'port'])
  t.strictSame(
    [...reason.matchAll(/(?:^|; )(\S+ \(\w+\))/g)].map(([, tried]) => tried),
    [
      'nft (prefilter)',
      'iptables (prefilter)',
      'iptables-nft (prefilter)',
      'iptables-legacy (prefilter)',
      'nft (port)',
    ],
  )
  t.match(kernel.table('iptables')?.get('CERTBOT-NFQ-ab-Q'), [
    /--ctorigdstport 80 .* -j NFQUEUE --queue-num 8555 --queue-bypass$/,
  ])
})

t.test('what a refused try has left is removed before the next', async (t) => {
  const kernel = fakeIptables((call) => (call.command.startsWith('ip6') ? refuseBpf(call) : undefined))
  t.match(await installFirst('iptables', ruleset, kernel.run, kernel.sets), {
    selection: 'port',
    reason: /^iptables \(prefilter\): ip6tables-restore.*Couldn't load match/,
  })
  t.equal(kernel.table('iptables')?.get('INPUT')?.length, 1)
  t.equal(kernel.table('iptables')?.get('CERTBOT-NFQ-ab')?.length, 2, 'only the rules of the second try')
})

t.test('where none works, the failure says why for each, and nothing is left', async (t) => {
  const kernel = fakeIptables(({ command, input }) =>
    command.startsWith('ip6') && input.includes('NFQUEUE') ? noNfqueue : undefined,
  )
  await t.rejects(installFirst('auto', ruleset, kernel.run, kernel.sets), {
    code: 'firewall-unavailable',
    message:
      /^no firewall back end can queue packets here: nft \(prefilter\).*iptables-legacy \(prefilter\).*nft \(port\).*iptables-legacy \(port\)/,
  })
  for (const name of ['iptables', 'iptables-nft', 'iptables-legacy'])
    t.notMatch([...(kernel.table(name)?.keys() ?? [])].join(), 'CERTBOT-NFQ', name)
})

t.test('what goes by is no reason to queue the whole port', async (t) => {
  for (const complaint of [
    'line 4: RULE_APPEND failed (Cannot allocate memory): rule in chain X',
    'no answer within 15 s',
    'ended by SIGKILL',
    'something new',
  ]) {
    const kernel = fakeIptables(({ command }) => (command.includes('-restore') ? complaint : undefined))
    await t.rejects(
      installFirst('auto', ruleset, kernel.run, kernel.sets),
      {
        code: 'firewall-failed',
        message: /^no rules could be installed: nft \(prefilter\).*iptables-legacy \(prefilter\): [^;]*$/,
      },
      complaint,
    )
    t.notOk(
      kernel.calls.some(({ input }) => input.includes('NFQUEUE') && !input.includes('-m bpf')),
      complaint,
    )
  }
})

t.test('one that fails for the moment leaves it to the next, with the same selection', async (t) => {
  const kernel = fakeIptables(({ command }) => (/^ip6?tables-restore/.test(command) ? 'ended by SIGKILL' : undefined))
  t.match(await installFirst('auto', ruleset, kernel.run, kernel.sets), {
    firewall: { name: 'iptables-nft' },
    selection: 'prefilter',
  })
})

t.test('while another program holds the lock of iptables nothing else is tried', async (t) => {
  const busy =
    "Can't lock /run/xtables.lock: Resource temporarily unavailable\nAnother app is currently holding the xtables lock. Stopped waiting after 10s."
  const kernel = fakeIptables(({ command }) => (command.includes('-restore') ? busy : undefined))
  await t.rejects(installFirst('auto', ruleset, kernel.run, kernel.sets), {
    code: 'firewall-busy',
    message:
      /; iptables \(prefilter\): ip6?tables-restore --noflush -w 10: another program holds the lock of iptables, \/run\/xtables.lock$/,
  })
  t.notOk(kernel.commands().some((command) => /(nft|legacy)-restore/.test(command)))
})

t.test('only the back end asked for is tried, also when it fails', async (t) => {
  const kernel = fakeIptables(({ command }) => (command.startsWith('iptables-restore') ? noNfqueue : undefined))
  await t.rejects(installFirst('iptables', ruleset, kernel.run, kernel.sets), {
    code: 'firewall-unavailable',
    message: /: iptables \(prefilter\): .*; iptables \(port\): [^;]*$/,
  })
  t.notOk(kernel.commands().some((command) => /nft-|legacy/.test(command)))
})

t.test('a sweep removes what is left of the tag, in both families, and touches nothing else', async (t) => {
  const kernel = fakeIptables()
  kernel.use('iptables-nft', '-p tcp -j ACCEPT')
  kernel.use('ip6tables-nft', '-p tcp -j ACCEPT')
  for (const tag of ['ab', 'abcd'])
    await iptablesFirewall('iptables-nft', tag, kernel.run, kernel.sets).install({
      ...ruleset,
      tag,
      selection: 'prefilter',
    })
  await sweep('ab', kernel.run, kernel.sets)
  for (const name of ['iptables-nft', 'ip6tables-nft']) {
    t.strictSame(
      [...(kernel.table(name)?.keys() ?? [])].filter((chain) => !/^CERTBOT-NFQ-abcd(-\w)?$/.test(chain)),
      ['INPUT', 'FORWARD'],
      name,
    )
    t.ok(kernel.table(name)?.get('CERTBOT-NFQ-abcd')?.length, 'of another tag')
    t.match(kernel.table(name)?.get('INPUT'), [/CERTBOT-NFQ-abcd$/, '-p tcp -j ACCEPT'], name)
  }
})

t.test('a sweep removes sets whose rules another program has taken away with their table', async (t) => {
  const kernel = fakeIptables()
  for (const { name, kind } of [...setsFor('ab', 4), ...setsFor('ab', 6), ...setsFor('abcd', 4)])
    await kernel.sets.make(name, 4, kind)
  await sweep('ab', kernel.run, kernel.sets)
  t.strictSame(
    [...kernel.setNames],
    setsFor('abcd', 4).map(({ name }) => name),
  )
})

t.test('without sets in the kernel, the first that can queue the whole port is taken', async (t) => {
  const kernel = fakeIptables()
  const make = async () =>
    Promise.reject(new Failure('firewall-failed', 'cannot make the set x: sets are not supported by this kernel'))
  t.match(await installFirst('iptables', ruleset, kernel.run, { ...kernel.sets, make }), { selection: 'port' })
})

t.test('a sweep where nothing is left only looks', async (t) => {
  const unused = fakeIptables()
  await sweep('ab', unused.run, unused.sets)
  const used = fakeIptables()
  used.use('iptables-nft')
  await sweep('ab', used.run, used.sets)
  t.ok(used.commands().includes('iptables-nft-save'))
  t.strictSame(
    [...unused.commands(), ...used.commands()].filter(
      (command) => !/^(ip6?tables-(nft|legacy)-save|nft .*list tables?\b.*)$/.test(command),
    ),
    [],
  )
})

t.test(
  'a sweep looks by iptables-nft where it may have tables, and by legacy iptables only where that is in use',
  async (t) => {
    const looks = async (
      prepare: (kernel: ReturnType<typeof fakeIptables>) => void,
      refuse?: (call: Call) => string,
    ) => {
      const kernel = fakeIptables((call) => refuse?.(call) || undefined)
      prepare(kernel)
      await sweep('ab', kernel.run, kernel.sets)
      return kernel.commands().filter((command) => command.startsWith('iptables-') && command.endsWith('-save'))
    }
    const byLegacy = isLegacyInUse(4) || isLegacyInUse(6) ? ['iptables-legacy-save'] : []
    t.strictSame(await looks(() => undefined), byLegacy)
    for (const name of ['iptables-nft', 'ip6tables-nft'])
      t.strictSame(await looks((kernel) => kernel.use(name)), ['iptables-nft-save', ...byLegacy], name)
    const blind = ({ command }: Call) => (command.startsWith('nft') ? 'Error: Operation not supported' : '')
    t.strictSame(await looks(() => undefined, blind), ['iptables-nft-save', ...byLegacy], 'nft cannot tell')
  },
)

t.test('a sweep that cannot look is a failure', async (t) => {
  const kernel = fakeIptables(({ command }) =>
    command === 'iptables-nft-save' ? 'Could not fetch rule set' : undefined,
  )
  kernel.use('iptables-nft')
  await t.rejects(sweep('ab', kernel.run, kernel.sets), {
    code: 'firewall-failed',
    message: 'iptables-nft-save: Could not fetch rule set',
  })
})

function refuseBpf({ input }: Call): string | undefined {
  return input.includes('-m bpf')
    ? "iptables-restore v1.8.9 (legacy): Couldn't load match `bpf':No such file or directory"
    : undefined
}
