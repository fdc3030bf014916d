import t from 'tap'
import type { Converse } from '../../src/firewall/conversation.js'
import type { Run } from '../../src/firewall/run.js'
import type { IpSets } from '../../src/kernel/ip-sets.js'
import type { Families } from '../../src/responder/families.js'
import { openLog } from '../../src/responder/log.js'
import type { Wanted } from '../../src/responder/rules.js'
import { putFirewallProgramsOnPath } from '../firewall/fake-programs.js'
import { fakeIptables, type Call } from '../firewall/iptables/fake-iptables.js'

putFirewallProgramsOnPath()
const { converse } = await import('../../src/firewall/conversation.js')
const { Rules } = await import('../../src/responder/rules.js')

const tracked: Families = [{ version: 4, isTracked: true }]
const chain = 'CERTBOT-NFQ-ab-Q'

t.test('rules are there for as long as a port is wanted, and follow each change', async (t) => {
  const { rules, kernel, log } = stage()
  t.equal(rules.inForce, undefined)
  t.equal(rules.letGoMark, undefined)
  await rules.cover(() => ports(80))
  t.equal(rules.letGoMark, 0x800000)
  t.match(kernel.table('iptables')?.get(chain), [/--mark 0x800000/, /--ctorigdstport 80 /])
  t.match(rules.inForce, { name: 'iptables', selection: 'prefilter', reason: 'first choice', tracked: [4] })
  await rules.cover(() => ports(80, 8080))
  t.match(kernel.table('iptables')?.get(chain), [/--mark 0x800000/, /--ctorigdstport 80 /, /--ctorigdstport 8080 /])
  await rules.cover(() => ports())
  t.notOk(kernel.table('iptables')?.has(chain))
  t.equal(rules.inForce, undefined)
  t.ok(rules.isClear)
  t.match(log.recent, [
    /info rules for port 80 by iptables \(prefilter; IPv4 tracked\); first choice$/,
    /info rules removed$/,
  ])
})

t.test('requests that were not armed are as many as the back end has counted', async (t) => {
  const kernel = fakeIptables()
  const run: Run = async (argv, input) => {
    const result = await kernel.run(argv, input)
    return { ...result, stdout: result.stdout.replace(/^-A CERTBOT-NFQ-ab-N -m comment --comment \S+$/m, '[7:700] $&') }
  }
  const { rules } = stage({ run, sets: kernel.sets })
  t.equal(rules.unarmed, 0)
  await rules.cover(() => ports(80))
  await rules.presence()
  t.equal(rules.unarmed, 7)
})

t.test('the same ports once more, in their turn, change nothing', async (t) => {
  const { rules, kernel } = stage()
  await rules.cover(() => ports(80))
  const calls = kernel.calls.length
  let wanted = ports(80, 8080)
  const waiting = [rules.cover(() => wanted), rules.cover(() => wanted)]
  wanted = ports(80)
  await Promise.all(waiting)
  t.equal(kernel.calls.length, calls)
})

t.test('where the kernel cannot pick out requests, that is said', async (t) => {
  const { rules, log } = stage({ refuse: ({ input }) => (input.includes('-m bpf') ? "Couldn't load match `bpf'" : '') })
  await rules.cover(() => ports(80))
  t.equal(rules.inForce?.selection, 'port')
  t.equal(rules.letGoMark, undefined, 'where all is queued nothing is let go')
  t.match(log.recent.at(-1), /warning this kernel cannot pick out challenge requests: all traffic/)
})

t.test('the rules before count after a refused change, and are removed in the end', async (t) => {
  const refused = ({ input }: Call) => (input.includes('8080') ? 'Cannot allocate memory' : undefined)
  for (const { rules, remains } of [withIptables(refused), withPlainNft(refused)]) {
    await rules.cover(() => ports(80))
    await t.rejects(
      rules.cover(() => ports(80, 8080)),
      { code: 'firewall-failed' },
    )
    t.ok(remains(), 'as they were')
    t.ok(rules.inForce)
    t.strictSame(rules.takeUnchecked(), [80])
    t.notOk(rules.isClear, 'whoever keeps this sweeps in the end')
    await rules.cover(() => ports())
    t.notOk(remains(), 'none is left')
  }
})

t.test('what was refused is tried again when it is asked for once more', async (t) => {
  let refused = '-j NFQUEUE'
  const { rules, kernel } = stage({ refuse: ({ input }) => (input.includes(refused) ? 'Cannot allocate memory' : '') })
  for (const [wanted, last] of [
    [ports(80), '80'],
    [ports(80, 8080), '8080'],
  ] as const) {
    refused = `--ctorigdstport ${last}`
    await t.rejects(
      rules.cover(() => wanted),
      { code: 'firewall-failed' },
    )
    refused = 'nothing'
    await rules.cover(() => wanted)
    t.match(kernel.table('iptables')?.get(chain)?.join(), `--ctorigdstport ${last}`)
  }
})

t.test('rules that could not be removed are removed by the next change, also to nothing', async (t) => {
  for (const next of [ports(), ports(8080)]) {
    let isRefused = false
    const refuse = ({ command, input }: Call) =>
      isRefused && (command.startsWith('iptables -w') || input.includes('-X ') || input.includes('delete table'))
        ? 'Device or resource busy'
        : undefined
    for (const { rules, remains } of [withIptables(refuse), withPlainNft(refuse)]) {
      await rules.cover(() => ports(80))
      isRefused = true
      await t.rejects(
        rules.cover(() => ports()),
        { code: 'firewall-failed' },
      )
      t.ok(remains())
      t.equal(await rules.presence(), 'uncovered', 'nobody puts back what is to go')
      isRefused = false
      await rules.cover(() => next)
      t.notOk(remains(), 'those for port 80')
      t.strictSame(
        rules.takeUnchecked(),
        next.flatMap(({ ports }) => ports),
      )
    }
  }
})

t.test('once removed and covered anew, a change takes nothing away first', async (t) => {
  const { rules, kernel } = stage()
  for (const wanted of [ports(80), ports(), ports(80)]) await rules.cover(() => wanted)
  const before = kernel.calls.length
  await rules.cover(() => ports(80, 8080))
  const inputs = kernel.calls.slice(before).map(({ input }) => input)
  t.ok(inputs.join().includes('--ctorigdstport 8080'))
  t.notMatch(inputs.join(), `-X ${chain}`)
})

t.test('where rules come and go, those of before are tried first, and the others when they are refused', async (t) => {
  let isBroken = false
  const { rules, kernel } = stage({
    firewall: 'auto',
    refuse: ({ command }) =>
      /^nft -[if]/.test(command) || (isBroken && command.startsWith('iptables-restore')) ? 'not supported' : undefined,
  })
  const cover = async (wanted: Wanted) => {
    const before = kernel.calls.length
    await rules.cover(() => wanted)
    return kernel.calls.slice(before).map(({ command }) => command)
  }
  t.ok((await cover(ports(80))).some((command) => command.startsWith('nft -')))
  t.equal(rules.inForce?.name, 'iptables')
  await cover(ports())
  t.notOk((await cover(ports(80))).some((command) => command.startsWith('nft -')))
  t.match(rules.inForce, { name: 'iptables', selection: 'prefilter' })
  t.ok(kernel.table('iptables')?.has(chain))
  await cover(ports())
  isBroken = true
  await cover(ports(80))
  t.equal(rules.inForce?.name, 'iptables-nft')
  t.ok(kernel.table('iptables-nft')?.has(chain))
})

t.test('a port is to be checked once when it is covered anew', async (t) => {
  const { rules } = stage()
  await rules.cover(() => ports(80))
  await rules.cover(() => ports(80, 8080))
  t.strictSame(rules.takeUnchecked(), [80, 8080])
  t.strictSame(rules.takeUnchecked(), [])
  await rules.cover(() => ports(8080))
  t.strictSame(rules.takeUnchecked(), [])
  await rules.cover(() => ports(80, 8080))
  t.strictSame(rules.takeUnchecked(), [80])
})

t.test('what is put back knows of tracking what was known, and what is new', async (t) => {
  let found: Families = [{ version: 4, isTracked: false }]
  const { rules, kernel } = stage({ families: tracked, findFamilies: async () => found })
  await rules.cover(() => ports(80))
  rules.takeUnchecked()
  await rules.putBack(false)
  t.strictSame(rules.families, tracked, 'in the middle of a reload nothing is tracked for a moment')
  t.strictSame(rules.takeUnchecked(), [])
  t.match(kernel.table('iptables')?.get('INPUT')?.join(), /CERTBOT-NFQ-ab/)
  found = [{ version: 6, isTracked: true }]
  await rules.putBack(false)
  t.strictSame(rules.families, [...tracked, { version: 6, isTracked: true }])
  t.ok(kernel.table('ip6tables')?.has(chain))
  t.strictSame(rules.takeUnchecked(), [80], 'what is covered otherwise is to be checked again')
})

t.test('what is put back stays with its back end, unless another is asked for', async (t) => {
  let isBroken = false
  const { rules, kernel } = stage({
    firewall: 'auto',
    refuse: ({ command }) => (isBroken && /^iptables-restore/.test(command) ? 'Cannot allocate memory' : undefined),
  })
  await rules.cover(() => ports(80))
  t.equal(rules.inForce?.name, 'iptables')
  isBroken = true
  await t.rejects(rules.putBack(false), { code: 'firewall-failed' })
  t.equal(rules.inForce?.name, 'iptables')
  t.notOk(kernel.table('iptables-nft')?.has(chain))
  isBroken = false
  const before = kernel.calls.length
  await rules.putBack(true)
  t.ok(
    kernel.calls.slice(before).some(({ input }) => input.includes(`-X ${chain}`)),
    'what is there goes first',
  )
  t.equal(rules.inForce?.name, 'iptables')
  t.ok(kernel.table('iptables')?.has(chain), 'and new ones come')
})

t.test('one change at a time, in the order asked for, also after one that failed', async (t) => {
  const { rules } = stage()
  const order: string[] = []
  const slow = rules.inTurn(async () => {
    await new Promise((resolve) => setImmediate(resolve))
    order.push('first')
    throw new Error('refused')
  })
  const next = rules.inTurn(async () => void order.push('second'))
  await t.rejects(slow, { message: 'refused' })
  await next
  t.strictSame(order, ['first', 'second'])
  t.notOk(rules.isClear)
})

interface StageOptions {
  readonly firewall?: 'auto' | 'iptables' | 'nft'
  readonly refuse?: (call: Call) => string | undefined
  readonly run?: Run
  readonly converse?: Converse
  readonly sets?: IpSets
  readonly families?: Families
  readonly findFamilies?: () => Promise<Families>
}

function stage({
  firewall = 'iptables',
  refuse,
  run,
  converse,
  sets,
  families = tracked,
  findFamilies,
}: StageOptions = {}) {
  const kernel = fakeIptables((call) => refuse?.(call) || undefined)
  const log = openLog(true, [])
  const edges = {
    run: run ?? kernel.run,
    converse: converse ?? kernel.converse,
    sets: sets ?? kernel.sets,
    findFamilies: findFamilies ?? (async () => families),
  }
  const options = { tag: 'ab', queue: 8555, mark: 0x400000, firewall }
  return { rules: new Rules(options, families, edges, log), kernel, log }
}

function withIptables(refuse: StageOptions['refuse'] & object) {
  const { rules, kernel } = stage({ refuse })
  const remains = () => /--ctorigdstport 80 /.test(kernel.table('iptables')?.get(chain)?.join() ?? '')
  return { rules, remains }
}

/** Where tables cannot be owned, for the nft on PATH ends at once: each is a line of `nft -f -`. */
function withPlainNft(refuse: StageOptions['refuse'] & object) {
  let table: string | undefined
  const run: Run = async (argv, input = '') => {
    const command = argv.join(' ')
    const complaint = refuse({ command, input })
    if (complaint !== undefined) return { exitCode: 1, stdout: '', stderr: complaint }
    if (command === 'nft -f -') table = input.startsWith('delete table') ? undefined : input
    const stdout = command === 'nft list tables' ? table && 'table ip certbot-nfq-ab\n' : table
    return { exitCode: 0, stdout: stdout ?? '', stderr: '' }
  }
  return {
    rules: stage({ firewall: 'nft', run, converse }).rules,
    remains: () => /proto-dst 80\b|\{ 80\b/.test(table ?? ''),
  }
}

function ports(...all: number[]): Wanted {
  const tokens = ['LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0']
  return all.length > 0 ? [{ type: 'http-01', ports: all, tokens }] : []
}
