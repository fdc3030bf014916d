/** What the messages say on a machine that is not fit, each cause the real thing. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Finished } from '../../src/lab/lab.js'
import { inRepository } from '../../src/lab/repository.js'
import { requiresKernel } from '../requires-kernel.js'
import { openArmedLab, parentOf } from './armed-lab.js'
import { challengeFor } from './challenge.js'
import { examine, find } from './doctor-run.js'
import { waitUntil } from '../../src/lab/wait-until.js'

const challenge = challengeFor('unfit')
const command = inRepository('hooks/certbot-nfq')
const [isCode, isFix] = [/\[([a-z-]+), \//, /^.*\n(.*)/]

t.test('a machine that is not fit', await requiresKernel('nft'), async (t) => {
  const lab = await openArmedLab(t, { noWebServer: true })
  const { server, directory, runDirectory } = lab
  const env = {
    CERTBOT_DOMAIN: '192.0.2.1',
    CERTBOT_TOKEN: challenge.token,
    CERTBOT_VALIDATION: challenge.keyAuthorization,
    CERTBOT_NFQ_NO_SELF_CHECK: '1',
    CERTBOT_NFQ_RUN_DIR: runDirectory,
  }
  const run = (...argv: readonly string[]) => server.exec(argv, { reject: false, env })
  const auth = inRepository('hooks/auth')
  const says = (t: Test, { stderr }: Finished, code: string, cause: RegExp, fix: RegExp, what: string) => {
    t.equal(isCode.exec(stderr)?.[1], code, `${what}: ${stderr}`)
    t.match(stderr.split('\n')[0], cause, what)
    t.match(isFix.exec(stderr)?.[1], fix, what)
  }

  t.test('a run directory that cannot be made says what is in the way', async (t) => {
    writeFileSync(join(directory, 'file'), '')
    const missing = join(directory, 'no', 'such', 'run')
    says(
      t,
      await run(auth, '--run-dir', missing),
      'run-directory-path',
      /no does not exist$/,
      /a directory that exists/,
      'parent',
    )
    says(
      t,
      await run(auth, '--run-dir', join(directory, 'file/run')),
      'run-directory-path',
      /no directory$/,
      /exists/,
      'file',
    )
    says(
      t,
      await run(auth, '--run-dir', `/tmp/${'x'.repeat(120)}`),
      'run-directory-path',
      /too long/,
      /at most 99 bytes/,
      'long',
    )
    for (const path of [missing, join(directory, 'file/run')]) {
      const { findings } = await examine({ server, runDirectory: path })
      t.match(find(findings, 'run-directory'), [{ level: 'fail', fix: /a directory that exists/ }], path)
    }
  })

  t.test('a read-only mount and one that is full', async (t) => {
    const small = join(directory, 'small')
    mkdirSync(small)
    const mounted = (script: string, ...argv: readonly string[]) =>
      run('unshare', '--mount', 'sh', '-ec', `${script}; exec "$@"`, small, ...argv)
    const readOnly = 'mount --bind "$0" "$0"; mount -o remount,bind,ro "$0"'
    const where = ['--run-dir', join(small, 'run')]
    says(
      t,
      await mounted(readOnly, auth, ...where),
      'read-only-file-system',
      /EROFS/,
      /^Mount that file system/,
      'auth',
    )
    const { stdout } = await mounted(readOnly, command, 'doctor', '--json', ...where)
    t.match(find(JSON.parse(stdout) as Parameters<typeof find>[0], 'run-directory'), [
      { level: 'fail', message: /its file system is read-only/, fix: /^Mount that file system/ },
    ])
    const full = 'mount -t tmpfs -o mode=700,nr_inodes=1 tmpfs "$0"'
    says(t, await mounted(full, auth, ...where), 'disk-full', /ENOSPC/, /^Make room/, 'full')
  })

  t.test('root without capabilities, as in a container, is told which and how', async (t) => {
    const without = (names: string) => ['setpriv', `--bounding-set=${names}`, '--inh-caps=-all']
    // Their keepers try for ten seconds to clear up, and lock the run directory each time.
    const elsewhere = ['--run-dir', join(directory, 'run-without')]
    for (const names of ['-all', '-net_admin', '-net_raw']) {
      const finished = await run(...without(names), auth, ...elsewhere)
      says(
        t,
        finished,
        'capability-missing',
        /EPERM|CAP_NET_ADMIN/,
        /--cap-add=NET_ADMIN --cap-add=NET_RAW/,
        `auth ${names}`,
      )
    }
    says(t, await run(...without('-all'), command, 'stop'), 'capability-missing', /not permitted/, /--cap-add/, 'stop')
    says(t, await run(...without('-all'), command, 'demo'), 'demo-unable', /namespaces/, /--privileged/, 'demo')
    const status = await run(...without('-all'), command, 'status', '--run-dir', join(directory, 'none'))
    t.match(status.stdout, /\nWhether rules are left cannot be seen: /)
  })

  t.test('who is not root is told that by the demo and by the status', async (t) => {
    const rights = ['--inh-caps=+dac_read_search', '--ambient-caps=+dac_read_search']
    const nobody = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', ...rights]
    says(t, await run(...nobody, command, 'demo'), 'not-root', /only root can$/, /as root/, 'demo')
    const { stdout } = await run(...nobody, command, 'status', '--run-dir', '/run/certbot-nfq-of-nobody')
    t.match(stdout, /cannot be seen: only root can see rules/)
  })

  t.test('a resolver that is dead is what the doctor names, once', async (t) => {
    const resolv = join(directory, 'resolv.conf')
    writeFileSync(resolv, 'nameserver 192.0.2.2\n')
    const before = ['unshare', '--mount', 'sh', '-ec', 'mount --bind "$0" /etc/resolv.conf; exec "$@"', resolv]
    const { findings } = await examine(lab, '-d', 'example.com', { before })
    t.match(find(findings, 'name'), [
      { level: 'warn', message: 'example.com: its addresses could not be looked up (no answer from 192.0.2.2)' },
    ])
    t.equal(find(findings, 'name').length, 1)
  })

  t.test('with --no-standalone it is not the firewall that nobody listens', async (t) => {
    const machine = { reject: false, env: { ...env, CERTBOT_DOMAIN: '192.0.2.1' } }
    await server.exec([auth, '--no-standalone'], machine)
    says(
      t,
      await server.exec([inRepository('hooks/cleanup')], machine),
      'nobody-listens',
      /nobody listens there, and with --no-standalone/,
      /leave out --no-standalone/,
      'cleanup',
    )
  })

  t.test('the status lists what a killed responder has left, and how to remove it', async (t) => {
    await lab.arm(challenge, '--firewall', 'iptables-nft')
    const { pid } = await lab.running()
    process.kill(parentOf(pid), 'SIGKILL')
    process.kill(pid, 'SIGKILL')
    await waitUntil(async () => (await lab.status()) === undefined, 'the responder to end').catch(() => undefined)
    const { stdout } = await run(command, 'status')
    t.match(
      stdout,
      /nothing is armed\.\nOne that was killed has left .*:\n {2}iptables-nft mangle: \d+ chains, CERTBOT-NFQ-/,
    )
    t.match(
      stdout,
      new RegExp(
        `\n  ${runDirectory}/control\n  ${runDirectory}/lock\nRemove that with: certbot-nfq stop --run-dir ${runDirectory}\n$`,
      ),
    )
    const other = await run(command, 'status', '--run-dir', join(directory, 'other'))
    t.match(
      other.stdout,
      /nothing is armed\.\nOf responders with another --run-dir, at work or killed, there are:\n {2}iptables-nft/,
    )
    t.match(JSON.parse((await run(command, 'status', '--json')).stdout), { running: false, left: [/^iptables-nft/] })
    await run(command, 'stop')
    t.equal((await run(command, 'status')).stdout, `No responder runs in ${runDirectory}: nothing is armed.\n`)
  })

  t.test('without nft and iptables, stop does not say that rules are removed', async (t) => {
    const bin = join(directory, 'bin')
    mkdirSync(bin)
    for (const name of ['sh', 'env', 'readlink', 'cat', 'id', 'ls', 'getent', 'cut', 'tr', 'sed'])
      symlinkSync((await run('sh', '-c', `command -v ${name}`)).stdout.trim(), join(bin, name))
    const hidden = 'for place in /usr/sbin /sbin /usr/local/sbin; do mount --bind "$0" "$place"; done; exec "$@"'
    const { stdout } = await run('unshare', '--mount', 'sh', '-ec', hidden, bin, command, 'stop')
    t.match(
      stdout,
      /Neither nft nor iptables is installed here: whether rules are left cannot be seen, and none was removed/,
    )
  })

  t.test('and nothing is left', async (t) => {
    t.same(await lab.leftovers(), [])
  })
})
