/** The real ufw and firewalld. They manage a lab's server, and nothing of this machine. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../../src/lab/run.js'
import type { Finished, Lab, RunOptions } from '../../src/lab/lab.js'
import { waitUntil } from '../../src/lab/wait-until.js'
import { requiresKernel } from '../requires-kernel.js'
import { programs } from './armed-lab.js'

/** Programs that tests with a firewall manager need besides `programs`, each with its package. */
const packageOf = {
  'nft': 'nftables',
  'ufw': 'ufw',
  'firewalld': 'firewalld',
  'firewall-cmd': 'firewalld',
  'dbus-daemon': 'dbus',
} as const

type ManagerProgram = keyof typeof packageOf

/** As `requiresKernel`, of a test that needs a firewall manager as well. */
export async function requiresManager(...names: readonly ManagerProgram[]): Promise<{ skip: string | false }> {
  const { skip } = await requiresKernel(...programs)
  if (skip !== false) return { skip }
  const { stdout } = await run(['sh', '-c', 'for p; do command -v "$p" >/dev/null || echo "$p"; done', 'sh', ...names])
  const missing = names.filter((name) => stdout.split('\n').includes(name))
  if (missing.length === 0) return { skip: false }
  const reason = `not installed: ${missing.join(', ')} (npm run setup -- managers, or apt-get install ${[...new Set(missing.map((name) => packageOf[name]))].join(' ')})`
  if (process.env['REQUIRE_KERNEL'] === '1') throw new Error(`REQUIRE_KERNEL=1, but ${reason}`)
  return { skip: reason }
}

/** Runs a program where the manager's own files are; a failure throws. */
export type RunBeside = (argv: readonly string[]) => Promise<Finished>

/** ufw, enabled, with port 80 open; `managesBuiltins` makes it flush every table. */
export async function startUfw(lab: Lab, managesBuiltins: boolean): Promise<RunBeside> {
  const beside = await openPrivateFiles(lab)
  await beside([
    'sed',
    '-i',
    `s/^MANAGE_BUILTINS=.*/MANAGE_BUILTINS=${managesBuiltins ? 'yes' : 'no'}/`,
    '/etc/default/ufw',
  ])
  await beside(['ufw', 'allow', '80/tcp'])
  await beside(['ufw', '--force', 'enable'])
  return beside
}

/** firewalld with the back end named, which runs on a bus of its own, with port 80 open. */
export async function startFirewalld(lab: Lab, backEnd: 'nftables' | 'iptables'): Promise<RunBeside> {
  const beside = await openPrivateFiles(lab)
  await beside(['sed', '-i', `s/^FirewallBackend=.*/FirewallBackend=${backEnd}/`, '/etc/firewalld/firewalld.conf'])
  await beside(['firewall-offline-cmd', '--add-service=http'])
  // firewalld 2 touches the tables of iptables only if it has a rule there itself, or has no other back end.
  await beside([
    'firewall-offline-cmd',
    '--direct',
    '--add-rule',
    'ipv4',
    'filter',
    'OUTPUT',
    '0',
    '-d',
    '203.0.113.1',
    '-j',
    'ACCEPT',
  ])
  const configuration = join(lab.directory, 'bus.conf')
  await writeFile(configuration, busConfiguration)
  beside.spawn(['dbus-daemon', `--config-file=${configuration}`, '--nofork', '--nopidfile'])
  await waitUntil(
    async () => (await beside(['test', '-S', bus], { reject: false })).exitCode === 0,
    'the bus',
    emulatedMilliseconds,
  )
  beside.spawn(['firewalld', '--nofork', '--nopid'])
  await waitUntil(
    async () => (await beside(['firewall-cmd', '--state'], { reject: false })).exitCode === 0,
    'firewalld to run',
    emulatedMilliseconds,
  )
  return beside
}

/** On an emulated processor Python takes its time. */
const emulatedMilliseconds = 90_000

const bus = '/run/dbus/system_bus_socket'

/** No services to start on demand, so no polkit: firewalld takes root's word without it. */
const busConfiguration = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=${bus}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy>
</busconfig>
`

/** Where a manager keeps settings (those are copied) and where it writes. */
const mountScript = `set -e
for directory in /etc/ufw /etc/firewalld /etc/default; do
  test -d $directory || continue
  mount -t tmpfs tmpfs /mnt
  cp -a $directory/. /mnt
  mount --move /mnt $directory
done
for directory in /run /var/log; do mount -t tmpfs tmpfs $directory; done
mkdir /run/dbus
echo mounted
exec sleep infinity
`

/**
 * The server with settings, locks, sockets and logs of its own: a mount namespace, held by a process that the lab ends.
 */
async function openPrivateFiles({ server }: Lab) {
  const holder = server.spawn(['unshare', '--mount', 'sh', '-c', mountScript])
  await holder.waitForOutput(/^mounted$/m)
  const enter = (argv: readonly string[]) => ['nsenter', `--mount=/proc/${holder.pid}/ns/mnt`, '--', ...argv]
  return Object.assign((argv: readonly string[], options?: RunOptions) => server.exec(enter(argv), options), {
    spawn: (argv: readonly string[]) => server.spawn(enter(argv)),
  })
}
