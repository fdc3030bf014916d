/** What the cleanup hook says of a challenge that was not armed any more, called as certbot calls it. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Finished } from '../../src/lab/lab.js'
import { inRepository } from '../../src/lab/repository.js'
import { waitUntil } from '../../src/lab/wait-until.js'
import { requiresKernel } from '../requires-kernel.js'
import { openCgroup } from '../attack/cgroup.js'
import { openArmedLab, parentOf, type ArmedLab } from './armed-lab.js'
import { challengeFor, type Challenge } from './challenge.js'

const one = challengeFor('lost one')
const two = challengeFor('lost two')
const silence = { exitCode: 0, stdout: '', stderr: '' }

t.test('a challenge that was lost is told of', await requiresKernel(), async (t) => {
  const lab = await openArmedLab(t, { noWebServer: true })
  const arm = async (...challenges: Challenge[]) => {
    for (const each of challenges) t.same(await certbot(lab, 'auth', each), silence)
    return (await lab.running()).pid
  }
  const cleanup = (challenge: Challenge, output = '') => certbot(lab, 'cleanup', challenge, output)
  const tells = (finished: Finished, code: string, cause: RegExp, what: string) => {
    t.match(finished, { exitCode: 0, stdout: '', stderr: cause }, what)
    t.match(
      finished.stderr,
      new RegExp(`^certbot-nfq: example\\.com: .*\\n.* \\[${code}, /.*docs/errors\\.md#${code}\\]\\n$`),
      what,
    )
  }

  let pid = await arm(one, two)
  process.kill(pid, 'SIGKILL')
  await waitUntil(() => !existsSync(join(lab.runDirectory, 'control')), 'the keeper to clear up')
  tells(await cleanup(one), 'responder-killed', new RegExp(`process ${pid}\\) was ended by SIGKILL`), 'killed')
  tells(await cleanup(two), 'responder-killed', new RegExp(`process ${pid}\\) was ended by SIGKILL`), 'killed, two')
  t.notOk(existsSync(lab.runDirectory), 'with the last note the directory is gone')

  pid = await arm(one, two)
  process.kill(parentOf(pid), 'SIGKILL')
  process.kill(pid, 'SIGKILL')
  await waitUntil(() => !existsSync(`/proc/${pid}`), 'the responder to end')
  tells(await cleanup(one), 'responder-killed', new RegExp(`process ${pid}\\) was killed, and its keeper too`), 'both')
  await arm(one)
  tells(await cleanup(two), 'responder-killed', /and its keeper too/, 'both, while the next responder is at work')
  t.match((await cleanup(one)).stderr, /no request for example\.com reached/, 'which has what is armed')

  process.kill(await arm(one), 'SIGSEGV')
  await waitUntil(() => !existsSync(join(lab.runDirectory, 'control')), 'the keeper to clear up')
  tells(await cleanup(one), 'responder-failed', /failed: it ended by SIGSEGV/, 'failed')

  await arm(two)
  t.same(await certbot(lab, 'auth', one, undefined, '--ttl', '1'), silence)
  await waitUntil(async () => (await lab.running()).challenges.length === 1, 'the time to live to be over')
  tells(await cleanup(one), 'expired', /was over .*; nobody had asked by then/, 'expired, while another is armed')
  t.match((await cleanup(two)).stderr, /no request for example\.com reached/)
  t.same(await certbot(lab, 'auth', one, undefined, '--ttl', '1'), silence)
  await waitUntil(() => existsSync(join(lab.runDirectory, `lost-${one.token}`)), 'the responder to end')
  await waitUntil(() => !existsSync(join(lab.runDirectory, 'lock')), 'the keeper to clear up')
  tells(await cleanup(one), 'expired', /was over before the cleanup hook came\n/, 'expired, the last one')

  await arm(one)
  await lab.server.exec([inRepository('hooks/certbot-nfq'), 'stop', '--run-dir', lab.runDirectory])
  const stopped = await cleanup(one)
  t.match(stopped, { exitCode: 0, stdout: `certbot-nfq: nothing is armed for ${one.token}\n`, stderr: /\[not-armed,/ })

  await arm(one, two)
  t.match((await cleanup(one)).stderr, /no request for/)
  t.same(await cleanup(one), silence, 'of what was disarmed before nothing is said')
  t.match((await cleanup(two)).stderr, /no request for/)
  t.same(await lab.leftovers(), [])
})

t.test('what the auth hook has said is not said again, and exchanged hooks are', await requiresKernel(), async (t) => {
  const lab = await openArmedLab(t, { noWebServer: true })
  const failed = await certbot(lab, 'auth', one, undefined, '--log-file', '/nowhere/log')
  t.match(failed, { exitCode: 1, stderr: /\[log-file, / })
  t.same(await certbot(lab, 'cleanup', one, failed.stdout), silence)

  t.same(await certbot(lab, 'auth', one), silence)
  t.match(
    await certbot(lab, 'auth', one, '', '--ttl', '7200'),
    { exitCode: 1, stderr: /example\.com was armed already: .* interrupted, or .*\n.*\[armed-already,/ },
    'both are the auth hook, or a certbot before this one was killed',
  )
  t.ok(
    (await lab.running()).challenges.some(({ expiresIn }) => expiresIn > 3600),
    'then it is armed anew',
  )
  t.same(await certbot(lab, 'auth', two, ''), silence, 'the output for the last certificate')
  for (const each of [one, two]) t.match(await certbot(lab, 'cleanup', each, ''), { stderr: /no request for/ })

  const first = await certbot(lab, 'cleanup', one)
  t.match(first, { exitCode: 1, stderr: /calls the cleanup hook as its auth hook.*\n.*\[hooks-exchanged, / })
  t.same(await certbot(lab, 'auth', one, first.stdout), silence, 'once is enough')
  t.match(
    await certbot(lab, 'cleanup', two, first.stdout),
    { exitCode: 1, stderr: /\[hooks-exchanged, / },
    'the next name',
  )
  const later = await certbot(lab, 'cleanup', one, '')
  t.match(later, { exitCode: 0, stderr: /\[not-armed, / }, 'with a further certificate the first hook cannot know')
  t.match(await certbot(lab, 'auth', one, later.stdout), { exitCode: 1, stderr: /\[hooks-exchanged, / })
  t.same(await lab.leftovers(), [])
})

const MEMORY = '/sys/fs/cgroup/memory'
const { skip } = await requiresKernel()
const noMemory = existsSync(MEMORY) ? false : 'no control groups for memory of version 1 here'

t.test('a responder that the kernel kills for want of memory', { skip: skip || noMemory }, async (t) => {
  const cgroup = openCgroup(t, MEMORY, { 'memory.swappiness': 0 })
  if (!cgroup) throw new Error(`no control group can be made in ${MEMORY}`)
  const lab = await openArmedLab(t, { noWebServer: true })
  t.same(await certbot(lab, 'auth', one), silence)
  const { pid } = await lab.running()
  // What it takes from now on counts here. It cannot even answer with this.
  cgroup.write('memory.limit_in_bytes', 4096)
  cgroup.write('cgroup.procs', pid)
  await waitUntil(async () => {
    await lab.status().catch(() => undefined)
    return !existsSync(`/proc/${pid}`)
  }, 'the kernel to kill it')
  await waitUntil(() => !existsSync(join(lab.runDirectory, 'control')), 'the keeper to clear up')
  const { stderr } = await certbot(lab, 'cleanup', one, '')
  t.match(
    stderr,
    new RegExp(
      `^certbot-nfq: example\\.com: the kernel killed the responder .*process ${pid}\\) for want of memory\n.*\\[out-of-memory,`,
    ),
  )
})

/** Calls a hook as certbot does; `output` is what its auth hook has printed. */
function certbot(
  { server, runDirectory }: ArmedLab,
  hook: 'auth' | 'cleanup',
  { token, keyAuthorization }: Challenge,
  output?: string,
  ...options: readonly string[]
): Promise<Finished> {
  const env = {
    CERTBOT_DOMAIN: 'example.com',
    CERTBOT_TOKEN: token,
    CERTBOT_VALIDATION: keyAuthorization,
    CERTBOT_REMAINING_CHALLENGES: '0',
    CERTBOT_NFQ_NO_SELF_CHECK: '1',
    ...(output !== undefined && { CERTBOT_AUTH_OUTPUT: output.trim() }),
  }
  return server.exec([inRepository(`hooks/${hook}`), '--run-dir', runDirectory, ...options], { reject: false, env })
}
