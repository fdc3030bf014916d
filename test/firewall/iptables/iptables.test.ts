import t from 'tap'
import { http01Selector } from '../../../src/challenge/http-01/selector.js'
import { tlsAlpn01Selector } from '../../../src/challenge/tls-alpn-01/selector.js'
import { setsFor } from '../../../src/firewall/iptables/sets.js'
import type { Ruleset } from '../../../src/firewall/ruleset.js'
import { Failure } from '../../../src/failure.js'
import type { Run } from '../../../src/firewall/run.js'
import { fakeIptables } from './fake-iptables.js'
import { putFirewallProgramsOnPath } from '../fake-programs.js'

putFirewallProgramsOnPath()
const { changesLegacyTables, hasIptables, iptablesFirewall, needsLegacyIptables } =
  await import('../../../src/firewall/iptables/iptables.js')

const token = 'evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA'
const families = [
  { version: 4, isTracked: true },
  { version: 6, isTracked: false },
] as const
const ruleset: Ruleset = {
  tag: 'ab',
  selectors: [http01Selector([80], [token])],
  queue: 8555,
  mark: 0x400000,
  families,
  selection: 'prefilter',
}
const other = 'LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0'
const withTokens = (...tokens: string[]): Ruleset => ({ ...ruleset, selectors: [http01Selector([80], tokens)] })
const KEPT = ['iptables-restore --noflush --verbose -w 10', 'ip6tables-restore --noflush --verbose -w 10']
const foreign = '-p tcp --dport 443 -j MARK'

t.test('installed, each family has its rules: by one atomic step, which waits for the lock', async (t) => {
  const kernel = fakeIptables()
  const firewall = iptablesFirewall('iptables', 'ab', kernel.run, kernel.sets, kernel.converse)
  t.equal(firewall.name, 'iptables')
  await firewall.install(ruleset)
  t.strictSame(
    kernel.commands().filter((command) => command.includes('restore')),
    ['iptables-restore --noflush -w 10', 'ip6tables-restore --noflush -w 10'],
  )
  t.strictSame(
    kernel
      .commands()
      .filter((command) => !command.includes('restore'))
      .sort(),
    ['nft list table ip mangle', 'nft list table ip6 mangle'],
  )
  t.match(kernel.table('iptables')?.get('FORWARD'), ['-p tcp -j CERTBOT-NFQ-ab'])
  t.strictSame(kernel.table('ip6tables')?.get('FORWARD'), undefined)
  t.equal(await firewall.presence(), 'whole')
})

t.test('a family’s sets are there before its rules, and go after them', async (t) => {
  const kernel = fakeIptables()
  const firewall = iptablesFirewall('iptables', 'ab', kernel.run, kernel.sets, kernel.converse)
  await firewall.install(ruleset)
  const names = ([4, 6] as const).flatMap((version) => setsFor('ab', version, []).map(({ name }) => name))
  t.strictSame([...kernel.setNames].sort(), names.sort())
  await firewall.remove()
  t.strictSame([...kernel.setNames], [])
  await firewall.install({ ...ruleset, selection: 'port' })
  t.strictSame([...kernel.setNames], [], 'none for what is queued whole')
  await firewall.install({ ...ruleset, selectors: [http01Selector([80], [token], true), tlsAlpn01Selector([443])] })
  const all = ([4, 6] as const).flatMap((version) => setsFor('ab', version).map(({ name }) => name))
  t.strictSame(
    [...kernel.setNames].sort(),
    all.sort(),
    'one more where other tokens are wanted, and one for what is limited',
  )
  t.equal(await firewall.presence(), 'whole')
  await firewall.remove()
  t.strictSame([...kernel.setNames], [])
})

t.test('a kernel without sets is a failure of the rules, which nothing of stays', async (t) => {
  const kernel = fakeIptables()
  const make = async () => Promise.reject(new Failure('firewall-failed', 'sets are not supported'))
  const firewall = iptablesFirewall('iptables', 'ab', kernel.run, { ...kernel.sets, make })
  await t.rejects(firewall.install(ruleset), { code: 'firewall-failed', message: 'sets are not supported' })
  t.notOk(kernel.commands().some((command) => command.includes('restore')))
})

t.test('what changes the tables of legacy iptables is known by its program', (t) => {
  for (const program of ['iptables-legacy-restore', 'ip6tables-legacy', 'iptables-restore'])
    t.ok(changesLegacyTables([program, '-w']), program)
  for (const program of ['iptables-legacy-save', 'iptables-save', 'iptables-nft-restore', 'nft', 'ipset', ''])
    t.notOk(changesLegacyTables([program]), program)
  t.notOk(changesLegacyTables([]))
  t.end()
})

t.test('the lock of legacy iptables is needed by what may come to use it', (t) => {
  // Here `iptables` is a program that is not nft's, and nft is there.
  for (const choice of ['iptables', 'iptables-legacy'] as const) t.ok(needsLegacyIptables(choice), choice)
  for (const choice of ['auto', 'nft', 'iptables-nft'] as const) t.notOk(needsLegacyIptables(choice), choice)
  t.end()
})

t.test('a named variant is spoken to by its name', async (t) => {
  for (const name of ['iptables-nft', 'iptables-legacy'] as const) {
    const kernel = fakeIptables()
    await iptablesFirewall(name, 'ab', kernel.run, kernel.sets, kernel.converse).install(ruleset)
    const spoken = kernel.commands().filter((command) => !command.startsWith('nft '))
    t.strictSame(spoken, [`${name}-restore --noflush -w 10`, `${name.replace('ip', 'ip6')}-restore --noflush -w 10`])
  }
})

t.test('a family that is not asked for is left alone', async (t) => {
  const kernel = fakeIptables()
  await iptablesFirewall('iptables', 'ab', kernel.run, kernel.sets, kernel.converse).install({
    ...ruleset,
    families: [{ version: 4, isTracked: false }],
  })
  t.notOk(
    kernel.commands().some((command) => command.includes('ip6')),
    kernel.commands().join(),
  )
})

t.test('other ports are brought in by one step more, without a moment without rules', async (t) => {
  const kernel = fakeIptables()
  const firewall = iptablesFirewall('iptables', 'ab', kernel.run, kernel.sets, kernel.converse)
  await firewall.install(ruleset)
  kernel.calls.length = 0
  await firewall.install({ ...ruleset, selectors: [http01Selector([80, 8080], [token])] })
  t.strictSame(
    kernel.commands().filter((command) => !/^nft |-save/.test(command)),
    ['iptables-restore --noflush -w 10', 'ip6tables-restore --noflush -w 10'],
  )
  t.equal(kernel.table('iptables')?.get('INPUT')?.length, 1, 'the jump is not doubled')
  t.equal(kernel.table('iptables')?.get('CERTBOT-NFQ-ab-Q')?.length, 3)
  t.equal(await firewall.presence(), 'whole')
})

t.test('removed, the rules of others are as before, in both families', async (t) => {
  const kernel = fakeIptables()
  kernel.use('iptables', foreign)
  kernel.use('ip6tables', foreign)
  const firewall = iptablesFirewall('iptables', 'ab', kernel.run, kernel.sets, kernel.converse)
  await firewall.install(ruleset)
  await firewall.remove()
  for (const name of ['iptables', 'ip6tables'])
    t.strictSame(
      [...(kernel.table(name) ?? [])],
      [
        ['INPUT', [foreign]],
        ['FORWARD', []],
      ],
      name,
    )
  t.equal(await firewall.presence(), 'broken')
})

t.test('mangle’s own chains are taken away again only where they are new', async (t) => {
  const kernel = fakeIptables()
  kernel.use('ip6tables')
  const firewall = iptablesFirewall('iptables', 'ab', kernel.run, kernel.sets, kernel.converse)
  await firewall.install(ruleset)
  await firewall.remove()
  t.strictSame([...(kernel.table('iptables')?.keys() ?? [])], [])
  t.strictSame([...(kernel.table('ip6tables')?.keys() ?? [])], ['INPUT', 'FORWARD'])
})

t.test('a new chain that somebody else has used since stays', async (t) => {
  const kernel = fakeIptables()
  const firewall = iptablesFirewall('iptables', 'ab', kernel.run, kernel.sets, kernel.converse)
  await firewall.install(ruleset)
  kernel.table('iptables')?.get('INPUT')?.push(foreign)
  await firewall.remove()
  t.strictSame(kernel.table('iptables')?.get('INPUT'), [foreign])
  t.notMatch([...(kernel.table('iptables')?.keys() ?? [])].join(), 'CERTBOT-NFQ')
})

t.test('removing where there is nothing only looks, and a second time is no error', async (t) => {
  const kernel = fakeIptables()
  const firewall = iptablesFirewall('iptables', 'ab', kernel.run, kernel.sets, kernel.converse)
  await firewall.remove()
  await firewall.remove()
  t.strictSame([...new Set(kernel.commands())].sort(), ['ip6tables-save', 'iptables-save'])
})

t.test('what a killed predecessor of the same tag left is removed, and nothing of another tag', async (t) => {
  const kernel = fakeIptables()
  kernel.use('iptables', foreign)
  await iptablesFirewall('iptables', 'ab', kernel.run, kernel.sets, kernel.converse).install({
    ...ruleset,
    selectors: [http01Selector([80, 81, 82], [token])],
  })
  await iptablesFirewall('iptables', 'abcd', kernel.run, kernel.sets, kernel.converse).install({
    ...ruleset,
    tag: 'abcd',
  })
  const successor = iptablesFirewall('iptables', 'ab', kernel.run, kernel.sets, kernel.converse)
  await successor.remove()
  t.strictSame(
    [...(kernel.table('iptables')?.keys() ?? [])],
    [
      'INPUT',
      'FORWARD',
      ...['', '-C', '-1', '-2', '-A', '-I', '-U', '-N', '-Q', '-R', '-F', '-L'].map(
        (name) => `CERTBOT-NFQ-abcd${name}`,
      ),
    ],
  )
  await successor.install(ruleset)
  t.equal(kernel.table('iptables')?.get('INPUT')?.length, 3, 'ours, that of abcd, and a foreign one')
  t.equal(await successor.presence(), 'whole')
})

t.test('a rule that somebody deletes is missed, in either family', async (t) => {
  for (const name of ['iptables', 'ip6tables']) {
    const kernel = fakeIptables()
    const firewall = iptablesFirewall('iptables', 'ab', kernel.run, kernel.sets, kernel.converse)
    await firewall.install(ruleset)
    kernel.table(name)?.set('INPUT', [])
    t.equal(await firewall.presence(), 'broken', name)
  }
})

t.test(
  'a refusal is a failure with the program’s own first line, and what was done before it can be removed',
  async (t) => {
    const kernel = fakeIptables(({ command }) =>
      command.startsWith('ip6tables-restore') ? 'ip6tables-restore v1.8.9: no match bpf' : undefined,
    )
    const firewall = iptablesFirewall('iptables', 'ab', kernel.run, kernel.sets, kernel.converse)
    await t.rejects(firewall.install(ruleset), {
      code: 'firewall-failed',
      message: 'ip6tables-restore --noflush -w 10: ip6tables-restore v1.8.9: no match bpf',
    })
    await firewall.remove()
    t.strictSame([...(kernel.table('iptables')?.keys() ?? [])], [], 'with the chains that were new')
    t.equal(await firewall.presence(), 'broken')
  },
)

t.test('after a refusal in one family the rules are not all there', async (t) => {
  const kernel = fakeIptables(({ command }) => (command.startsWith('ip6tables-restore') ? 'no match bpf' : undefined))
  const firewall = iptablesFirewall('iptables', 'ab', kernel.run, kernel.sets, kernel.converse)
  await t.rejects(firewall.install(ruleset), { code: 'firewall-failed' })
  t.equal(await firewall.presence(), 'broken')
})

t.test('what others have taken away is put back over what is there', async (t) => {
  for (const chain of ['INPUT', 'FORWARD', 'CERTBOT-NFQ-ab-Q']) {
    const kernel = fakeIptables()
    const firewall = iptablesFirewall('iptables', 'ab', kernel.run, kernel.sets, kernel.converse)
    await firewall.install(ruleset)
    const before = new Map(kernel.table('iptables'))
    kernel.table('iptables')?.set(chain, [])
    t.equal(await firewall.presence(), 'broken', chain)
    kernel.calls.length = 0
    await firewall.install(ruleset)
    t.notMatch(kernel.calls.map(({ input }) => input).join(''), /^-[DFX]/m, 'nothing is taken away for it')
    t.strictSame(kernel.table('iptables'), before)
    t.equal(await firewall.presence(), 'whole')
  }
})

t.test(
  'other tokens are brought in by one step a family, without a look, and nothing is taken away for it',
  async (t) => {
    const kernel = fakeIptables()
    const firewall = iptablesFirewall('iptables', 'ab', kernel.run, kernel.sets, kernel.converse)
    await firewall.install(ruleset)
    const before = new Map(kernel.table('iptables'))
    kernel.calls.length = 0
    await firewall.install(withTokens(token, other))
    t.same(kernel.commands(), KEPT)
    t.notMatch(kernel.calls[0]?.input, /^-[FA] CERTBOT-NFQ-ab-N\b/m, 'what is counted there stays')
    for (const name of ['iptables', 'ip6tables'])
      for (const chain of ['CERTBOT-NFQ-ab-1', 'CERTBOT-NFQ-ab-2'])
        t.match(kernel.table(name)?.get(chain)?.[1], ` ${Buffer.from(other).readUInt32BE()},`)
    t.equal(await firewall.presence(), 'whole')
    await firewall.install(ruleset)
    t.strictSame(kernel.table('iptables'), before)
    kernel.calls.length = 0
    await firewall.install({ ...withTokens(token, other), selection: 'port' })
    t.ok(kernel.commands().length > 2, 'another selection is another ruleset')
    kernel.calls.length = 0
    await firewall.install({ ...ruleset, selection: 'port' })
    t.same(kernel.commands(), [], 'where all of the port is queued, tokens are none of the rules')
  },
)

t.test('the programs that bring tokens in are kept from the first change on, until the rules go', async (t) => {
  const kernel = fakeIptables()
  const firewall = iptablesFirewall('iptables', 'ab', kernel.run, kernel.sets, kernel.converse)
  await firewall.install(ruleset)
  t.strictSame(kernel.kept(), [])
  for (const tokens of [[token, other], [other], [token]]) {
    await firewall.install(withTokens(...tokens))
    t.strictSame(kernel.kept(), KEPT)
  }
  await firewall.remove()
  t.strictSame(kernel.kept(), [])
  await firewall.install(ruleset)
  t.strictSame(kernel.kept(), [])
})

t.test('a program that has ended meanwhile, or refuses a change, is replaced with the next one', async (t) => {
  const kernel = fakeIptables()
  const firewall = iptablesFirewall('iptables', 'ab', kernel.run, kernel.sets, kernel.converse)
  await firewall.install(ruleset)
  await firewall.install(withTokens(token, other))
  kernel.killKept()
  kernel.calls.length = 0
  await firewall.install(ruleset)
  t.strictSame([kernel.commands(), kernel.kept()], [KEPT, KEPT])
  kernel.table('iptables')?.set('INPUT', [])
  await firewall.install(withTokens(token, other))
  t.strictSame(kernel.kept(), KEPT.slice(1), 'one ended at its error')
  t.equal(await firewall.presence(), 'whole')
  await firewall.install(ruleset)
  t.strictSame(kernel.kept().sort(), [...KEPT].sort())
})

t.test('after one that did not answer, each change is a run of its own', async (t) => {
  const kernel = fakeIptables()
  let started = 0
  const firewall = iptablesFirewall('iptables', 'ab', kernel.run, kernel.sets, () => {
    started++
    const say = () => Promise.reject(new Failure('firewall-failed', 'iptables-restore: no answer within 15 s'))
    return { say, end: async () => undefined, isAlive: false }
  })
  await firewall.install(ruleset)
  await firewall.install(withTokens(token, other))
  t.equal(await firewall.presence(), 'whole')
  kernel.calls.length = 0
  await firewall.install(withTokens(other))
  t.strictSame(kernel.commands(), ['iptables-restore --noflush -w 10', 'ip6tables-restore --noflush -w 10'])
  t.equal(started, 2, 'one for each family')
})

t.test('where another program has taken rules away, other tokens are brought in with them', async (t) => {
  for (const [name, chain] of [
    ['iptables', 'INPUT'],
    ['ip6tables', 'INPUT'],
    ['iptables', 'CERTBOT-NFQ-ab-C'],
  ] as const) {
    const kernel = fakeIptables()
    const firewall = iptablesFirewall('iptables', 'ab', kernel.run, kernel.sets, kernel.converse)
    await firewall.install(ruleset)
    kernel.table(name)?.set(chain, [])
    await firewall.install(withTokens(token, other))
    t.equal(await firewall.presence(), 'whole', chain)
    t.match(kernel.table('iptables')?.get('CERTBOT-NFQ-ab-1')?.[1], ` ${Buffer.from(other).readUInt32BE()},`)
  }
})

t.test(
  'requests for tokens that are not armed are counted in both families, also when rules are made anew',
  async (t) => {
    let counts = [3, 4]
    const kernel = fakeIptables()
    const run: Run = async (argv, input) => {
      const result = await kernel.run(argv, input)
      const count = counts[argv[0]?.startsWith('ip6') ? 1 : 0]
      return {
        ...result,
        stdout: result.stdout.replace(/^(-A CERTBOT-NFQ-ab-N -m comment --comment \S+)$/m, `[${count}:200] $1`),
      }
    }
    const firewall = iptablesFirewall('iptables', 'ab', run, kernel.sets)
    await firewall.install(ruleset)
    t.equal(firewall.unarmed, 0)
    for (const [now, sum] of [
      [[3, 4], 7],
      [[5, 4], 9],
      [[1, 4], 10],
      [[1, 0], 10],
    ] as const) {
      counts = [...now]
      t.equal(await firewall.presence(), 'whole')
      t.equal(firewall.unarmed, sum)
    }
  },
)

t.test('rules that cannot be looked at are neither there nor missing', async (t) => {
  let refused = ''
  const kernel = fakeIptables(({ command }) =>
    refused !== '' && command.startsWith(refused) ? 'Resource busy' : undefined,
  )
  const firewall = iptablesFirewall('iptables', 'ab', kernel.run, kernel.sets, kernel.converse)
  await firewall.install(ruleset)
  refused = 'ip6tables-save'
  t.strictSame(await firewall.presence(), { unknown: 'ip6tables-save -c -t mangle: Resource busy' })
  kernel.table('iptables')?.set('INPUT', [])
  t.equal(await firewall.presence(), 'broken', 'what is missed in one family is missed')
})

t.test(
  'a change that one family refuses leaves the rules before; it can be tried again, and doubles nothing',
  async (t) => {
    let isBusy = false
    const kernel = fakeIptables(({ command }) =>
      isBusy && command.startsWith('ip6tables-restore') ? 'Resource busy' : undefined,
    )
    const firewall = iptablesFirewall('iptables', 'ab', kernel.run, kernel.sets, kernel.converse)
    await firewall.install(ruleset)
    isBusy = true
    const before = new Map(kernel.table('iptables'))
    await t.rejects(firewall.install({ ...ruleset, selectors: [http01Selector([80, 8080], [token])] }), {
      code: 'firewall-failed',
      message: /Resource busy/,
    })
    t.strictSame(kernel.table('iptables'), before)
    t.equal(await firewall.presence(), 'whole')
    isBusy = false
    await firewall.install({ ...ruleset, selectors: [http01Selector([80, 8080], [token])] })
    for (const name of ['iptables', 'ip6tables']) t.equal(kernel.table(name)?.get('INPUT')?.length, 1, name)
    t.equal(await firewall.presence(), 'whole')
    await firewall.remove()
    for (const name of ['iptables', 'ip6tables'])
      t.strictSame([...(kernel.table(name)?.keys() ?? [])], [], `${name}: the chains that were new`)
  },
)

t.test('rules that will not go are a failure', async (t) => {
  const refusing = fakeIptables(({ input }) => (input.includes('\n-X ') ? 'CHAIN_DEL failed' : undefined))
  const one = iptablesFirewall('iptables', 'ab', refusing.run, refusing.sets)
  await one.install(ruleset)
  await t.rejects(one.remove(), { code: 'firewall-failed', message: /CHAIN_DEL failed/ })
})

t.test('a back end is there when its programs are', async (t) => {
  for (const name of ['iptables', 'iptables-nft', 'iptables-legacy'] as const) t.equal(hasIptables(name), true, name)
})
