import t from 'tap'
import type { Run } from '../../../src/firewall/run.js'
import { createNamespace } from '../../../src/lab/namespace.js'
import { run } from '../../../src/lab/run.js'
import { requiresKernel } from '../../requires-kernel.js'
import { putFirewallProgramsOnPath } from '../fake-programs.js'

const options = await requiresKernel('nft')
const realPath = process.env['PATH'] ?? ''
putFirewallProgramsOnPath()
const { listNftChains, listNftTables } = await import('../../../src/firewall/nft/listing.js')

/** As iptables-nft's table is listed, of which nft(8) does not know every match. */
const mangle = `# Warning: table ip mangle is managed by iptables-nft, do not touch!
table ip mangle {
	chain INPUT {
		type filter hook input priority mangle; policy accept;
		meta l4proto tcp  counter packets 0 bytes 0 jump CERTBOT-NFQ-ab comment "chain fake {"
	}

	chain CERTBOT-NFQ-ab {
	}
}
`

t.test('tables are told with their family', async (t) => {
  const { run, calls } = answering({ stdout: 'table ip mangle\ntable ip6 certbot-nfq-ab\ntable inet firewalld\n' })
  t.strictSame((await listNftTables(run))?.filter(Boolean), ['ip mangle', 'ip6 certbot-nfq-ab', 'inet firewalld'])
  t.strictSame(calls, [['nft', 'list', 'tables']])
  t.strictSame((await listNftTables(answering({}).run))?.filter(Boolean), [], 'none is not the same as not to be told')
  t.equal(await listNftTables(answering({ exitCode: 1, stderr: 'Error: Operation not supported' }).run), undefined)
  await t.rejects(
    listNftTables(async () => ({ exitCode: 127, stdout: '', stderr: 'ended by SIGKILL', unfinished: 'killed' })),
    { code: 'firewall-failed', message: 'nft list tables: ended by SIGKILL' },
  )
})

t.test('chains are those of the table asked for', async (t) => {
  const { run, calls } = answering({ stdout: mangle })
  t.strictSame(await listNftChains(4, 'mangle', run), ['INPUT', 'CERTBOT-NFQ-ab'])
  t.strictSame(await listNftChains(6, 'mangle', run), ['INPUT', 'CERTBOT-NFQ-ab'])
  t.strictSame(calls, [
    ['nft', 'list', 'table', 'ip', 'mangle'],
    ['nft', 'list', 'table', 'ip6', 'mangle'],
  ])
  t.strictSame(
    await listNftChains(
      4,
      'mangle',
      answering({ exitCode: 1, stderr: 'Error: No such file or directory\nlist table ip mangle\n' }).run,
    ),
    [],
    'no such table',
  )
  t.equal(
    await listNftChains(4, 'mangle', answering({ exitCode: 127, stderr: 'no answer within 15 s' }).run),
    undefined,
    'it did not tell',
  )
})

t.test('the real nft is understood', options, async (t) => {
  const name = `cnfq-list-${process.pid}`
  t.teardown(() => run(['ip', 'netns', 'delete', name], { reject: false }))
  const namespace = await createNamespace(name, 'lo', { ipv4: '127.0.0.1', ipv6: '::1' })
  const there: Run = async (argv) => {
    const { exitCode = 127, stdout, stderr } = await namespace.exec(argv, { reject: false, env: { PATH: realPath } })
    return { exitCode, stdout, stderr }
  }
  t.strictSame((await listNftTables(there))?.filter(Boolean), [])
  t.strictSame(await listNftChains(4, 'mangle', there), [])

  const env = { PATH: realPath }
  await namespace.exec(
    [
      'nft',
      'add table inet x; add chain inet x c; add table ip6 certbot-nfq-ab; add chain ip6 certbot-nfq-ab with_vmap { type filter hook input priority -150; }',
    ],
    { env },
  )
  await namespace.exec(
    [
      'nft',
      'add chain ip6 certbot-nfq-ab other; add rule ip6 certbot-nfq-ab with_vmap tcp dport vmap { 80 : jump other, 81 : drop } comment "chain fake {"',
    ],
    { env },
  )
  await namespace.exec(['iptables-nft', '-t', 'mangle', '-N', 'CERTBOT-NFQ-ab'], { env })
  await namespace.exec(
    [
      'iptables-nft',
      '-t',
      'mangle',
      '-A',
      'INPUT',
      '-p',
      'tcp',
      '-j',
      'CERTBOT-NFQ-ab',
      '-m',
      'comment',
      '--comment',
      'chain fake {',
    ],
    { env },
  )
  t.strictSame((await listNftTables(there))?.filter(Boolean).sort(), ['inet x', 'ip mangle', 'ip6 certbot-nfq-ab'])
  t.strictSame((await listNftChains(4, 'mangle', there))?.sort(), ['CERTBOT-NFQ-ab', 'INPUT'])
  t.strictSame((await listNftChains(6, 'certbot-nfq-ab', there))?.sort(), ['other', 'with_vmap'])
  t.strictSame(await listNftChains(6, 'mangle', there), [], 'of the other family')
})

function answering({
  exitCode = 0,
  stdout = '',
  stderr = '',
}: {
  exitCode?: number
  stdout?: string
  stderr?: string
}) {
  const calls: (readonly string[])[] = []
  const run: Run = async (argv) => {
    calls.push(argv)
    return { exitCode, stdout, stderr }
  }
  return { run, calls }
}
