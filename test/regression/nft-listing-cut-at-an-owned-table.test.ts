import t from 'tap'
import { openLab } from '../../src/lab/lab.js'
import { waitUntil } from '../../src/lab/wait-until.js'
import type { Run } from '../../src/firewall/run.js'
import { readInstalledRules, tablesFor } from '../../src/rules-read/installed-rules.js'
import { isTranslated } from '../../src/rules-read/translation.js'
import { requiresKernel } from '../requires-kernel.js'

// nft 1.0.6 ends its list, with status 0, in the middle of a table that has an owner. Then a port that a container has
// counted as nobody's, and the responder listened on it.
t.test('rules are read while tables have an owner', await requiresKernel('nft'), async (t) => {
  const lab = await openLab()
  t.teardown(lab.close)
  const commands: string[] = []
  const run: Run = async (argv, input = '') => {
    commands.push(argv.join(' '))
    const { exitCode, stdout, stderr } = await lab.server.exec(argv, { input, reject: false })
    return { exitCode: exitCode ?? 127, stdout, stderr }
  }
  await lab.server.exec(['nft', '-f', '-'], {
    input: `table inet web {
      chain in { type nat hook prerouting priority -100; tcp dport 80 dnat ip to 198.51.100.2:8080; }
    }`,
  })
  const tables = ['ip certbot-nfq-one', 'ip6 certbot-nfq-two', 'inet other']
  const lines = tables.map((table) => `add table ${table} { flags owner; }`)
  const script = '(printf "%s\\n" "$@"; exec sleep 1000) | nft -i'
  lab.server.spawn(['sh', '-c', script, 'sh', ...lines])
  await waitUntil(
    async () => (await lab.server.exec(['nft', 'list', 'tables'])).stdout.includes('table inet other'),
    'the tables to be there',
  )
  t.equal(await isTranslated(4, 80, run), true)
  t.equal(await isTranslated(4, 81, run), false)
  const rules = await readInstalledRules(run)
  const packet = { version: 4, port: 80, destinations: ['192.0.2.1'], devices: [] } as const
  t.ok(tablesFor(packet, rules).some(({ origin }) => origin === 'nft inet web'))
  t.notMatch(rules.silent.join('\n'), /certbot-nfq/, 'our own tables are not missed')
})

t.test('a list that ends too early is made of its tables', async (t) => {
  const web = { nftables: [{ table: { family: 'inet', name: 'web' } }] }
  const answers: Record<string, string> = {
    'nft --json --terse list ruleset': '{"nftables": [{"table": {"family": "ip", "name": "other", "flags": ',
    'nft list tables': 'table ip certbot-nfq-1\ntable ip other # progname nft\ntable inet web\n',
    'nft --json --terse list table ip certbot-nfq-1': '{"nftables": [{"table": {',
    'nft --json --terse list table ip other': '{"nftables": [{"table": {',
    'nft --json --terse list table inet web': JSON.stringify(web),
  }
  const run: Run = (argv) => Promise.resolve({ exitCode: 0, stdout: answers[argv.join(' ')] ?? '', stderr: '' })
  const { nft, silent } = await readInstalledRules(run, [])
  t.same(nft, web.nftables)
  t.same(silent, ['nft --json --terse list table ip other: what it printed ends too early'])
  for (const text of ['null', '[]', '{"nftables":7}', '{"nftables":[null,7]}']) {
    const run: Run = () => Promise.resolve({ exitCode: 0, stdout: text, stderr: '' })
    t.notOk(
      (await readInstalledRules(run, [])).nft.some((item) => Object.keys(item).length > 0),
      text,
    )
  }
})
