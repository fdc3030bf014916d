import { readFileSync } from 'node:fs'
import t from 'tap'
import { environment, OWN_LOCK } from '../../src/firewall/program-path.js'
import { startService } from '../../src/lab/service.js'
import { run } from '../../src/lab/run.js'
import { waitUntil } from '../../src/lab/wait-until.js'
import { openArmedLab, programs } from '../scenarios/armed-lab.js'
import { challengeFor } from '../scenarios/challenge.js'
import { exchange } from '../scenarios/tcp-client.js'
import { requiresKernel } from '../requires-kernel.js'

const challenge = challengeFor('while somebody locks what everybody may open')
const silence = { exitCode: 0, stdout: '', stderr: '' }
const asUser = (user: string) => [
  'setpriv',
  `--reuid=${user}`,
  '--regid=nogroup',
  '--clear-groups',
  '--inh-caps=-all',
  '--',
]
const withRights = [
  ...asUser('nobody').slice(0, -2),
  '--inh-caps=-all,+net_admin,+net_raw',
  '--ambient-caps=-all,+net_admin,+net_raw',
  '--',
]

t.test('the lock of legacy iptables is out of everybody’s reach', await requiresKernel(...programs), async (t) => {
  t.test('www-data locks /dev/null: the rules come and go all the same', async (t) => {
    const lab = await openArmedLab(t)
    const holder = startService([
      ...asUser('www-data'),
      'flock',
      '--no-fork',
      '/dev/null',
      'sh',
      '-c',
      'echo held; exec sleep 600',
    ])
    t.teardown(() => holder.stop())
    await holder.waitForOutput(/held/)
    t.same(await lab.auth(challenge, '--firewall', 'iptables-legacy'), silence)
    t.match((await lab.running()).firewall, { name: 'iptables-legacy', selection: 'prefilter', reason: 'first choice' })
    for (const address of [lab.server.addresses.ipv4, lab.server.addresses.ipv6])
      t.equal(await exchange(lab.validator, { address }, challenge.request), challenge.reply, address)
    t.same(await lab.cleanup(challenge), silence)
    t.same(await lab.leftovers(), [])
  })

  t.test('what our programs lock instead nobody else can open, of whatever user', async (t) => {
    // As one of them runs: the responder's user, its two capabilities, the environment it gets.
    const program = startService([
      ...withRights,
      'env',
      ...Object.entries({ ...environment(), XTABLES_LOCKFILE: OWN_LOCK }).map(([name, value]) => `${name}=${value}`),
      'sh',
      '-c',
      'exec 9<"$XTABLES_LOCKFILE" && flock -n 9 && echo locked && exec sleep 600',
    ])
    t.teardown(() => program.stop())
    await program.waitForOutput(/locked/)
    const lock = OWN_LOCK.replace('self', String(program.pid))
    // In the instant in which one program takes another's place it has none.
    const isThere = () => readFileSync(lock, 'latin1').includes('XTABLES_LOCKFILE')
    t.ok(await waitUntil(isThere, 'the environment').then(isThere), 'it is that of this process')
    for (const user of ['www-data', 'nobody']) {
      t.match(
        await run([...asUser(user), 'flock', '-n', lock, 'true'], { reject: false }),
        { exitCode: 66, stderr: /Permission denied/ },
        user,
      )
    }
    t.match(
      await run(['flock', '-n', lock, 'true'], { reject: false }),
      { exitCode: 1 },
      'root sees it locked: it is a lock',
    )
  })
})
