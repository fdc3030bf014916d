import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Finished } from '../../src/lab/run.js'
import { inRepository } from '../../src/lab/repository.js'
import { snapshotRules } from '../../src/lab/rules.js'
import { waitUntil } from '../../src/lab/wait-until.js'
import { openArmedLab, programs, type ArmedLab } from '../scenarios/armed-lab.js'
import { challengeFor, type Challenge } from '../scenarios/challenge.js'
import { requiresKernel } from '../requires-kernel.js'

const challenge = challengeFor('while root holds the lock')
const silence = { exitCode: 0, stdout: '', stderr: '' }
const busy = (pid: number) =>
  new RegExp(
    `^certbot-nfq: .*process ${pid} \\(sh\\) has held the lock of iptables, /run/xtables\\.lock, for 10 s\\n.* \\[firewall-busy, /.+/docs/errors\\.md#firewall-busy\\]\\n$`,
  )

t.test('legacy tables are never changed without the lock', await requiresKernel(...programs), async (t) => {
  t.test('an auth hook gives up with the holder’s name, and nothing is left', async (t) => {
    const { lab, hook, holdLock } = await openLabWithLock(t)
    const before = await snapshotRules(lab.server)
    const holder = await holdLock()
    const { exitCode, stdout, stderr } = await hook('auth', challenge)
    t.same([exitCode, stdout], [1, ''])
    t.match(stderr, busy(holder.pid))
    t.equal(await snapshotRules(lab.server), before)
    await holder.stop()
    t.same(await lab.leftovers(), [])
    t.same(await hook('auth', challenge), silence, 'and the next one arms')
    t.equal((await hook('cleanup', challenge)).exitCode, 0)
    t.same(await lab.leftovers(), [])
  })

  t.test(
    'a cleanup that could not remove the rules says so, and the keeper removes them when the lock is free',
    async (t) => {
      const { lab, hook, holdLock } = await openLabWithLock(t)
      t.same(await hook('auth', challenge), silence)
      const holder = await holdLock()
      const { exitCode, stderr } = await hook('cleanup', challenge)
      t.equal(exitCode, 1)
      t.match(stderr, busy(holder.pid))
      await waitUntil(
        async () => (await lab.server.processes()).some(({ command }) => /responder\.cjs sweep/.test(command)),
        'the keeper to sweep',
      )
      await holder.stop()
      t.same(await lab.leftovers(), [])
    },
  )
})

/** A lab whose hooks see a lock file of their own, so that nobody else on this machine waits. */
async function openLabWithLock(t: Test) {
  const lab: ArmedLab = await openArmedLab(t)
  const lock = join(lab.directory, 'xtables.lock')
  closeSync(openSync(lock, 'a', 0o600))
  const withLock = ['unshare', '--mount', 'sh', '-c', `mount --bind ${lock} /run/xtables.lock && exec "$@"`, 'sh']
  return {
    lab,
    hook: (name: 'auth' | 'cleanup', { token, keyAuthorization }: Challenge): Promise<Finished> =>
      lab.server.exec(
        [...withLock, inRepository(`hooks/${name}`), '--run-dir', lab.runDirectory, '--firewall', 'iptables-legacy'],
        {
          reject: false,
          env: {
            CERTBOT_DOMAIN: '192.0.2.1',
            CERTBOT_TOKEN: token,
            CERTBOT_VALIDATION: keyAuthorization,
            CERTBOT_NFQ_NO_SELF_CHECK: '1',
          },
        },
      ),
    holdLock: async () => {
      const holder = lab.validator.spawn([
        'flock',
        '--no-fork',
        lock,
        'sh',
        '-c',
        'echo held; while :; do sleep 0.1; done',
      ])
      await holder.waitForOutput(/held/)
      return holder
    },
  }
}
