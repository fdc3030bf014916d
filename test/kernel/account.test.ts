import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { findAccount, usableRanges } from '../../src/kernel/account.js'
import { run } from '../../src/lab/run.js'
import { startService, type Service } from '../../src/lab/service.js'
import { requiresKernel } from '../requires-kernel.js'
import { temporaryDirectory } from '../temporary-directory.js'
import { withBuiltModule } from './built-module.js'

const options = await requiresKernel()
const wholeHost = '         0          0 4294967295\n'

t.test('an account is found by name and by number', (t) => {
  for (const line of readFileSync('/etc/passwd', 'utf8').split('\n').filter(Boolean)) {
    const [name = '', , uid = '', gid = ''] = line.split(':')
    t.strictSame(findAccount(name), { uid: Number(uid), gid: Number(gid) }, name)
    t.equal(findAccount(uid).uid, Number(uid), uid)
  }
  t.strictSame(findAccount('root'), { uid: 0, gid: 0 })
  t.end()
})

t.test('who is not in /etc/passwd is a bad option', (t) => {
  for (const user of ['no-such-user', '4294967294', '-1', 'root:x', ' root', 'ROOT', '0x0', '00', 'x']) {
    t.throws(
      () => findAccount(user),
      { code: 'bad-option', message: `--user: there is no user ${JSON.stringify(user)} in /etc/passwd` },
      user,
    )
  }
  t.end()
})

t.test('ids come from systemd’s dynamic range, or from what a user namespace has', (t) => {
  const dynamic = [{ from: 61184, to: 65519 }]
  t.strictSame(usableRanges(wholeHost, wholeHost), dynamic)
  t.strictSame(usableRanges('0 100000 65536\n', '0 100000 65536\n'), dynamic)
  t.strictSame(usableRanges('0 1000 1\n1 100000 65536\n', '0 1000 1\n1 100000 65536\n'), dynamic, 'rootless')
  t.strictSame(
    usableRanges('0 100000 65536\n', '0 100000 61190\n'),
    [{ from: 61184, to: 61189 }],
    'a group as well as a user',
  )
  t.strictSame(usableRanges('0 0 1000\n', '0 0 2000\n'), [{ from: 1, to: 999 }])
  t.strictSame(
    usableRanges('65533 0 3\n', '65533 0 3\n'),
    [
      { from: 65533, to: 65533 },
      { from: 65535, to: 65535 },
    ],
    'not that of unknown owners',
  )
  for (const none of ['0 1000 1\n', '', '\n', 'garbage\n'])
    t.strictSame(usableRanges(none, wholeHost), [], JSON.stringify(none))
  t.end()
})

t.test('an id is taken that nobody has, and shows as taken', options, async (t) => {
  const known = new Set(['/etc/passwd', '/etc/group'].flatMap((file) => readFileSync(file, 'utf8').match(/\d+/g) ?? []))
  const { stdout } = await run(take())
  const { uid, gid, status } = JSON.parse(stdout) as { uid: number; gid: number; status: string }
  t.ok(uid >= 61184 && uid <= 65519, String(uid))
  t.equal(gid, uid)
  t.notOk(known.has(String(uid)))
  t.match(status, new RegExp(`^Uid:\\t${uid}\\t0\\t0\\t0$`, 'm'), 'still with root’s rights')
})

t.test('of several at once each gets one of its own', options, async (t) => {
  // Eight ids for six.
  const holder = await userNamespace(t, '0 0 1\n61184 61184 8\n')
  const takers = Array.from({ length: 6 }, () =>
    startService([...enter(holder), ...take('setInterval(() => undefined, 60_000)')]),
  )
  t.teardown(() => Promise.all(takers.map((taker) => taker.stop('SIGKILL'))))
  await Promise.all(takers.map((taker) => taker.waitForOutput(/\n/)))
  const uids = takers.map((taker) => (JSON.parse(taker.output()) as { uid: number }).uid)
  t.equal(new Set(uids).size, takers.length, uids.join())
})

t.test(
  'ids are passed over that a process has, also as one of its groups, and those of systemd’s notes',
  options,
  async (t) => {
    const holder = await userNamespace(t, '0 0 1\n61184 61184 5\n')
    const others = [['--reuid=61184'], ['--regid=61185', '--clear-groups'], ['--groups=61186']].map((rights) =>
      startService([...enter(holder), 'setpriv', ...rights, 'sh', '-c', 'echo there; exec sleep 600']),
    )
    t.teardown(() => Promise.all(others.map((other) => other.stop('SIGKILL'))))
    await Promise.all(others.map((other) => other.waitForOutput(/there/)))
    const notes = [
      'unshare',
      '--mount',
      'sh',
      '-c',
      'mount -t tmpfs none /run && mkdir -p /run/systemd/dynamic-uid && touch /run/systemd/dynamic-uid/61187 && exec "$@"',
      'sh',
    ]
    const { stdout } = await run([...notes, ...enter(holder), ...take()])
    t.equal((JSON.parse(stdout) as { uid: number }).uid, 61188)
  },
)

t.test('the package’s user comes first, unless somebody is that user', options, async (t) => {
  const passwd = join(temporaryDirectory(t), 'passwd')
  writeFileSync(
    passwd,
    `${readFileSync('/etc/passwd', 'utf8')}certbot-nfq:x:61300:61301::/nonexistent:/usr/sbin/nologin\n`,
  )
  const takeThere = async () => {
    const { stdout } = await run([
      'unshare',
      '--mount',
      'sh',
      '-c',
      'mount --bind "$0" /etc/passwd && exec "$@"',
      passwd,
      ...take(),
    ])
    return JSON.parse(stdout) as { uid: number; gid: number }
  }
  t.match(await takeThere(), { uid: 61300, gid: 61301 })
  const other = startService(['setpriv', '--reuid=61300', 'sh', '-c', 'echo there; exec sleep 600'])
  t.teardown(() => other.stop('SIGKILL'))
  await other.waitForOutput(/there/)
  const { uid, gid } = await takeThere()
  t.not(uid, 61300)
  t.equal(gid, uid)
})

t.test('where there is no id but root’s, that is said; and what root lacks', options, async (t) => {
  const holder = await userNamespace(t, '0 0 1\n')
  const body = `show(await it.takeFreeAccount().catch(({ code, message }) => [code, message]))`
  const module = withBuiltModule('kernel/account.js', body)
  t.strictSame(JSON.parse((await run([...enter(holder), ...module])).stdout), [
    'no-free-user',
    'cannot give root up: there is no user id here that nothing else uses',
  ])
  t.strictSame(JSON.parse((await run(['setpriv', '--bounding-set=-setuid', '--inh-caps=-all', ...module])).stdout), [
    'capability-missing',
    'cannot give root up: setresuid failed (EPERM)',
  ])
})

/** The words of a process that takes an account, shows it, and what /proc says of itself then. */
function take(after = ''): string[] {
  return withBuiltModule(
    'kernel/account.js',
    `import { readFileSync } from 'node:fs'\nshow({ ...(await it.takeFreeAccount()), status: readFileSync('/proc/self/status', 'utf8') })\n${after}`,
  )
}

/** A process in a user namespace with these maps, for users and groups alike. */
async function userNamespace(t: Test, map: string): Promise<Service> {
  const holder = startService(['unshare', '--user', 'sh', '-c', 'echo there; exec sleep 600'])
  t.teardown(() => holder.stop('SIGKILL'))
  await holder.waitForOutput(/there/)
  for (const file of ['uid_map', 'gid_map']) writeFileSync(`/proc/${holder.pid}/${file}`, map)
  return holder
}

function enter({ pid }: Service): string[] {
  return ['nsenter', '--user', `--target=${pid}`]
}
