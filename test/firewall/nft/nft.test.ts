import t from 'tap'
import { http01Selector } from '../../../src/challenge/http-01/selector.js'
import { Failure } from '../../../src/failure.js'
import type { Conversation } from '../../../src/firewall/conversation.js'
import { installLine, keysLine, removeLine } from '../../../src/firewall/nft/script.js'
import type { Run, RunResult } from '../../../src/firewall/run.js'
import type { Ruleset } from '../../../src/firewall/ruleset.js'
import { anyRuleset, token } from '../any-ruleset.js'
import { putFirewallProgramsOnPath } from '../fake-programs.js'

putFirewallProgramsOnPath()
const { nftFirewall } = await import('../../../src/firewall/nft/nft.js')

const ruleset: Ruleset = {
  ...anyRuleset,
  families: [
    { version: 4, isTracked: true },
    { version: 6, isTracked: false },
  ],
}
const changed = { ...ruleset, selectors: [http01Selector([80, 8080], [token])] }
const other = 'LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0'
const withTokens = (...tokens: string[]): Ruleset => ({ ...ruleset, selectors: [http01Selector([80], tokens)] })
const key = (token: string) => `0x${Buffer.from(token.slice(0, 16)).toString('hex')}`
const withoutOwners = (line: string) =>
  line.includes('flags owner') ? 'nft: Could not process rule: Operation not supported' : undefined
const noQueue = 'nft: Could not process rule: No such file or directory'

t.test('the tables belong to one process, which is told every change and the end', async (t) => {
  const { kernel, firewall } = stage()
  t.equal(firewall.name, 'nft')
  t.equal(await firewall.presence(), 'broken', 'nothing was yet')
  await firewall.install(ruleset)
  t.equal(await firewall.presence(), 'whole')
  await firewall.install(changed)
  t.equal(await firewall.presence(), 'whole')
  await firewall.remove()
  t.equal(await firewall.presence(), 'broken')
  t.strictSame(kernel.said, [[installLine(ruleset, true), installLine(changed, true), removeLine('ab', [4, 6]), 'end']])
  t.strictSame([...kernel.tables], [])
  t.strictSame(kernel.scripts, [], 'nobody else changed anything')
})

t.test('other tokens are elements of the sets that are there, added and taken away', async (t) => {
  const { kernel, firewall } = stage()
  await firewall.install(ruleset)
  await firewall.install(withTokens(token, other))
  await firewall.install(withTokens(other))
  t.strictSame(kernel.said, [
    [
      installLine(ruleset, true),
      keysLine(ruleset, withTokens(token, other)),
      keysLine(withTokens(token, other), withTokens(other)),
    ],
  ])
  t.equal(await firewall.presence(), 'whole')
  t.equal(
    keysLine(ruleset, withTokens(other)),
    [
      `add element ip certbot-nfq-ab keys-1 { ${key(other)} }`,
      `delete element ip certbot-nfq-ab keys-1 { ${key(token)} }`,
      `add element ip6 certbot-nfq-ab keys-1 { ${key(other)} }`,
      `delete element ip6 certbot-nfq-ab keys-1 { ${key(token)} }\n`,
    ].join('; '),
  )
})

t.test('so they are in plain tables', async (t) => {
  const { kernel, firewall } = stage({ refuse: withoutOwners })
  await firewall.install(ruleset)
  await firewall.install(withTokens(token, other))
  t.strictSame(kernel.scripts, [installLine(ruleset, false), keysLine(ruleset, withTokens(token, other))])
})

t.test('where single tokens cannot be added, the rules are installed with all of them', async (t) => {
  const { kernel, firewall } = stage({ refuse: (line) => (line.startsWith('add element') ? noQueue : undefined) })
  await firewall.install(ruleset)
  await firewall.install(withTokens(token, other))
  t.strictSame(kernel.said, [[installLine(ruleset, true), 'refused', installLine(withTokens(token, other), true)]])
  kernel.killOwner()
  await firewall.install(withTokens(other))
  t.equal(await firewall.presence(), 'whole', 'by another owner, when the first has ended')
})

t.test('an nft that cannot name a set of payload has the tokens in its rules, also when others come', async (t) => {
  const { kernel, firewall } = stage({
    refuse: (line) =>
      line.includes('typeof') ? "nft: primary expression type 'raw payload' lacks typeof serialization" : undefined,
  })
  await firewall.install(ruleset)
  await firewall.install(withTokens(token, other))
  await firewall.install(withTokens())
  const lines = [ruleset, withTokens(token, other), withTokens()].map((one) => installLine(one, true, 'anonymous'))
  t.strictSame(kernel.said.at(-1), lines)
  t.match(lines[1], `@ih,264,128 { ${key(token)}, ${key(other)} } goto armed-1`)
  t.match(lines[1], `@ih,264,128 != { ${key(token)}, ${key(other)} } goto unarmed-1`)
  t.notMatch(lines.join(), /keys-1|typeof|\{ \} goto/)
})

t.test('requests for tokens that are not armed are counted, and their count is no change of the rules', async (t) => {
  let counter = 'packets 0 bytes 0'
  const kernel = fakeKernel()
  const run: Run = async (argv, input) => {
    const result = await kernel.run(argv, input)
    return { ...result, stdout: result.stdout && `${result.stdout}\n\tcounter unarmed {\n\t\t${counter}\n\t}\n` }
  }
  const firewall = nftFirewall('ab', run, kernel.converse)
  await firewall.install(ruleset)
  counter = 'packets 7 bytes 700'
  t.equal(await firewall.presence(), 'whole')
  t.equal(firewall.unarmed, 14, 'in both families')
})

t.test('only the families of the ruleset are installed, looked at and removed', async (t) => {
  const { kernel, firewall } = stage()
  await firewall.install({ ...ruleset, families: [{ version: 6, isTracked: false }] })
  t.strictSame([...kernel.tables.keys()], ['ip6 certbot-nfq-ab'])
  t.equal(await firewall.presence(), 'whole')
  await firewall.remove()
  t.strictSame(kernel.said[0]?.slice(1), [removeLine('ab', [6]), 'end'])
})

t.test('where tables cannot be owned they are plain, for changes and the end too', async (t) => {
  const { kernel, firewall } = stage({ refuse: withoutOwners })
  await firewall.install(ruleset)
  t.strictSame(kernel.said, [['refused', 'end']], 'its process is not left behind')
  t.equal(await firewall.presence(), 'whole')
  await firewall.install(changed)
  t.equal(kernel.tables.get('ip certbot-nfq-ab'), installLine(changed, false))
  await firewall.remove()
  t.strictSame([...kernel.tables], [])
  t.equal(await firewall.presence(), 'broken')
  t.strictSame(kernel.scripts, [installLine(ruleset, false), installLine(changed, false), removeLine('ab', [4, 6])])
})

t.test('rules that are refused are a failure, without a try at plain tables', async (t) => {
  const { kernel, firewall } = stage({ refuse: () => noQueue })
  await t.rejects(firewall.install(ruleset), { code: 'firewall-failed', message: noQueue })
  t.strictSame(kernel.said, [['refused', 'end']])
  t.strictSame(kernel.scripts, [])
  t.equal(await firewall.presence(), 'broken')
})

t.test('plain rules that are refused are a failure too', async (t) => {
  const { firewall } = stage({
    refuse: (line) => (line.includes('flags owner') ? 'nft: syntax error, unexpected string' : noQueue),
  })
  await t.rejects(firewall.install(ruleset), { code: 'firewall-failed', message: `nft -f -: ${noQueue}` })
  t.equal(await firewall.presence(), 'broken')
})

t.test('an nft that dies at once leaves it to plain tables', async (t) => {
  const { kernel, firewall } = stage({
    refuse: (line) => (line.includes('flags owner') ? 'nft: ended unexpectedly' : undefined),
  })
  await firewall.install(ruleset)
  t.equal(kernel.tables.get('ip certbot-nfq-ab'), installLine(ruleset, false))
})

t.test('once the owner has died the tables are missed, and installed again by another', async (t) => {
  const { kernel, firewall } = stage()
  await firewall.install(ruleset)
  kernel.killOwner()
  t.equal(await firewall.presence(), 'broken')
  await firewall.install(ruleset)
  t.equal(await firewall.presence(), 'whole')
  kernel.killOwner()
  await firewall.install(changed)
  t.equal(await firewall.presence(), 'whole', 'with a change')
  t.strictSame(kernel.said, [[installLine(ruleset, true)], [installLine(ruleset, true)], [installLine(changed, true)]])
})

t.test('whatever another program changes is noticed', async (t) => {
  const { kernel, firewall } = stage()
  await firewall.install(ruleset)
  const table = kernel.tables.get('ip6 certbot-nfq-ab') ?? ''
  for (const change of ['', `${table} and more`]) {
    kernel.tables.set('ip6 certbot-nfq-ab', change)
    t.equal(await firewall.presence(), 'broken')
    kernel.tables.set('ip6 certbot-nfq-ab', table)
    t.equal(await firewall.presence(), 'whole')
  }
  t.ok(
    kernel.commands.every((argv) => argv[1] === '-t' || argv.join(' ') === 'nft list tables'),
    'without the followed sources, which come and go',
  )
})

t.test('plain tables that a predecessor left are removed, those that are there and of this tag', async (t) => {
  for (const left of [['ip certbot-nfq-ab'], ['ip6 certbot-nfq-ab'], ['ip certbot-nfq-ab', 'ip6 certbot-nfq-ab'], []]) {
    const others = ['ip certbot-nfq-a', 'ip certbot-nfq-abc', 'inet certbot-nfq-ab']
    const { kernel, firewall } = stage()
    for (const name of [...others, ...left]) kernel.tables.set(name, 'left')
    await firewall.remove()
    t.strictSame([...kernel.tables.keys()], others)
    t.equal(kernel.scripts.length, left.length === 0 ? 0 : 1, 'in one transaction')
    t.strictSame(kernel.said, [])
  }
})

t.test('what cannot be removed is a failure', async (t) => {
  const { kernel, firewall } = stage({ refuse: () => 'Error: Operation not permitted\ndelete table' })
  kernel.tables.set('ip certbot-nfq-ab', 'of another owner')
  await t.rejects(firewall.remove(), {
    code: 'firewall-failed',
    message: 'nft -f -: Error: Operation not permitted',
  })
})

t.test('a change that is refused leaves the rules before', async (t) => {
  const { kernel, firewall } = stage({
    refuse: (line) => (line.includes('8080') ? 'nft: Could not process rule: Cannot allocate memory' : undefined),
  })
  await firewall.install(ruleset)
  const before = new Map(kernel.tables)
  await t.rejects(firewall.install(changed), { code: 'firewall-failed' })
  t.strictSame(kernel.tables, before)
  t.equal(kernel.said.length, 1, 'by the same owner')
  t.equal(await firewall.presence(), 'whole')
})

t.test('tables that cannot be listed are neither there nor missing', async (t) => {
  let complaint: Partial<RunResult> | undefined
  const kernel = fakeKernel()
  const run: Run = async (argv, input) =>
    complaint && argv[2] === 'list'
      ? { exitCode: 127, stdout: '', stderr: 'half', ...complaint }
      : kernel.run(argv, input)
  const firewall = nftFirewall('ab', run, kernel.converse)
  await firewall.install(ruleset)
  for (complaint of [
    { exitCode: 1, stderr: 'Error: Interrupted system call' },
    { stderr: 'no answer within 15 s', unfinished: 'timed out' },
  ] as const) {
    t.strictSame(await firewall.presence(), { unknown: `nft -t list table ip certbot-nfq-ab: ${complaint.stderr}` })
  }
  complaint = undefined
  t.equal(await firewall.presence(), 'whole')
})

t.test('tables that could not be listed when they were installed are known by the first listing', async (t) => {
  let isListing = false
  const kernel = fakeKernel()
  const run: Run = async (argv, input) =>
    !isListing && argv[2] === 'list'
      ? { exitCode: 127, stdout: '', stderr: 'no answer within 15 s', unfinished: 'timed out' }
      : kernel.run(argv, input)
  const firewall = nftFirewall('ab', run, kernel.converse)
  await firewall.install(ruleset)
  isListing = true
  t.equal(await firewall.presence(), 'whole')
  kernel.tables.set('ip certbot-nfq-ab', 'other rules')
  t.equal(await firewall.presence(), 'broken')
})

t.test('a table that is gone before the first listing is missed', async (t) => {
  let isListing = false
  const kernel = fakeKernel()
  const run: Run = async (argv, input) =>
    !isListing && argv[2] === 'list' ? { exitCode: 1, stdout: '', stderr: 'Error: busy' } : kernel.run(argv, input)
  const firewall = nftFirewall('ab', run, kernel.converse)
  await firewall.install(ruleset)
  isListing = true
  kernel.tables.delete('ip6 certbot-nfq-ab')
  t.equal(await firewall.presence(), 'broken')
  t.equal(await firewall.presence(), 'broken', 'and was never taken for the rules')
})

t.test('a removal that the owner refuses, or does not live to do, still ends it', async (t) => {
  for (const refusal of ['nft: Could not process rule: Cannot allocate memory', 'nft: ended unexpectedly']) {
    const { kernel, firewall } = stage({ refuse: (line) => (line.startsWith('delete') ? refusal : undefined) })
    await firewall.install(ruleset)
    await firewall.remove()
    t.strictSame([...kernel.tables], [], 'its tables go with it')
    t.equal(kernel.said[0]?.at(-1), 'end')
  }
})

/** The firewall of tag `ab` on such a kernel. */
function stage(options?: Parameters<typeof fakeKernel>[0]) {
  const kernel = fakeKernel(options)
  return { kernel, firewall: nftFirewall('ab', kernel.run, kernel.converse) }
}

/**
 * Stands for a kernel's tables, by name, and for nft: each table holds the line that made it. `refuse` gives the
 * complaint about a line, or nothing; `said` what each conversation was told, `scripts` what `nft -f -` read,
 * `commands` everything else.
 */
function fakeKernel({ refuse = () => undefined }: { refuse?: (line: string) => string | undefined } = {}) {
  const tables = new Map<string, string>()
  const owners = new Map<string, number>()
  const said: string[][] = []
  const scripts: string[] = []
  const commands: (readonly string[])[] = []
  let killOwner: () => void = () => undefined

  const perform = (line: string, owner?: number): string | undefined => {
    const complaint = refuse(line)
    if (complaint !== undefined) return complaint
    if (/^(add|delete) element /.test(line)) return tables.size > 0 ? undefined : noQueue
    if (line.includes('flags owner') !== (owner !== undefined) && line.startsWith('add'))
      return 'tables of nobody, or of somebody'
    const [, ...removed] = line.startsWith('delete') ? line.split(/delete table | *; *|\n/) : []
    for (const name of removed.filter(Boolean)) if (!tables.delete(name)) return noQueue
    for (const [, name = ''] of line.matchAll(/; table (ip6? \S+) \{/g)) {
      tables.set(name, line)
      if (owner !== undefined) owners.set(name, owner)
    }
    return undefined
  }
  const run: Run = async (argv, input = ''): Promise<RunResult> => {
    const failed = (stderr: string) => ({ exitCode: 1, stdout: '', stderr })
    const words = argv.join(' ')
    if (words === 'nft -f -') {
      scripts.push(input)
      const complaint = perform(input)
      return complaint === undefined ? { exitCode: 0, stdout: '', stderr: '' } : failed(complaint)
    }
    commands.push(argv)
    if (words === 'nft list tables')
      return { exitCode: 0, stdout: [...tables.keys()].map((name) => `table ${name}\n`).join(''), stderr: '' }
    const name = /^nft -t list table (.*)$/.exec(words)?.[1] ?? ''
    const stdout = tables.get(name)
    return stdout === undefined ? failed('Error: No such file or directory') : { exitCode: 0, stdout, stderr: '' }
  }
  const converse = (): Conversation => {
    const number = said.length
    const lines: string[] = []
    said.push(lines)
    let isAlive = true
    const die = () => {
      isAlive = false
      for (const [name, owner] of owners) if (owner === number) tables.delete(name)
    }
    killOwner = die
    return {
      say: async (line) => {
        const complaint = perform(line, number)
        lines.push(complaint === undefined ? line : 'refused')
        if (complaint === 'nft: ended unexpectedly') die()
        if (complaint !== undefined) throw new Failure('firewall-failed', complaint)
      },
      end: async () => {
        lines.push('end')
        die()
      },
      get isAlive() {
        return isAlive
      },
    }
  }
  return { tables, said, scripts, commands, run, converse, killOwner: () => killOwner() }
}
