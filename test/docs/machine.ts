import { chmod, copyFile, mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Finished, Service } from '../../src/lab/lab.js'
import { inRepository } from '../../src/lab/repository.js'
import { run } from '../../src/lab/run.js'
import type { Scene } from '../../src/lab/scene.js'

/**
 * The lab's server as the machine that a page of the docs is about: this repository is in /opt/certbot-nfq, its hooks
 * are linked from /etc/certbot-nfq as by the package, certbot's configuration is in its usual place, and nothing of the
 * real machine is there. /etc, /usr/local/sbin, /run and /var/log last as long as the lab. /tmp is new for each
 * command, as with PrivateTmp of systemd.
 */
export interface Machine {
  /** Where the machine's own files are: `${root}/run` is its /run. */
  readonly root: string
  /** Runs a line of shell, with no environment but a root's short PATH and what is given; a failure is a result. */
  run(line: string, options?: MachineOptions): Promise<Finished>
  /** Starts one that goes on. */
  start(line: string, options?: MachineOptions): Service
}

export interface MachineOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

/** The PATH of a systemd service (systemd.exec(5)), and the place where `npm install -g` puts the command line. */
const PATH = '/run/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Long enough for a validation that fails. */
const LIMIT = 300_000

/** $1: root; $2: repository; the rest: the command. All mounts are seen by this command alone. */
const SETUP = `
set -e
root=$1 repository=$2; shift 2
for directory in /opt/*/; do
  name=$(basename "$directory")
  [ -d "$directory" ] && mkdir -p "$root/opt/$name" && mount --rbind "$directory" "$root/opt/$name"
done
mount --bind "$repository" "$root/opt/certbot-nfq"
mount --rbind "$root/opt" /opt
for directory in /etc /usr/local/sbin /var/log /run; do mount --bind "$root$directory" "$directory"; done
mount -t tmpfs -o mode=1777 private /tmp
exec "$@"`

/** Makes the machine; it ends with the scene. */
export async function openMachine({ lab, authority }: Scene): Promise<Machine> {
  const root = join(lab.directory, 'machine')
  for (const directory of ['etc/letsencrypt', 'etc/certbot-nfq', 'usr/local/sbin', 'var/log', 'run/bin', 'opt/certbot-nfq']) await mkdir(join(root, directory), { recursive: true })
  await chmod(root, 0o755)
  // All of it but the real machine's certificates and hooks.
  const settings = (await readdir('/etc')).filter((name) => name !== 'letsencrypt' && name !== 'certbot-nfq')
  await run(['cp', '-a', ...settings.map((name) => `/etc/${name}`), join(root, 'etc')])
  await symlink('/opt/certbot-nfq/hooks/certbot-nfq', join(root, 'run/bin/certbot-nfq'))
  for (const hook of ['auth', 'cleanup', 'dehydrated', 'uacme', 'acmetool']) await symlink(`/opt/certbot-nfq/hooks/${hook}`, join(root, 'etc/certbot-nfq', hook))
  await copyFile(authority.caBundle, join(root, 'etc/letsencrypt/lab-ca.pem'))
  // Which CA, for Let's Encrypt is out of reach here; what certbot would ask a person; and that it neither sleeps
  // before a renewal nor finds that none is due.
  const certbotSettings = {
    ...{ expand: true, 'force-renewal': true, 'no-random-sleep-on-renew': true },
    ...{ server: authority.directoryUrl, 'agree-tos': true, 'register-unsafely-without-email': true, 'non-interactive': true, 'work-dir': '/run/certbot-work' },
  }
  await writeFile(join(root, 'etc/letsencrypt/cli.ini'), Object.entries(certbotSettings).map(([name, value]) => `${name} = ${value}\n`).join(''))

  const argv = (line: string, { cwd = '/opt/certbot-nfq', env = {} }: MachineOptions): string[] => {
    const variables = Object.entries({ PATH, REQUESTS_CA_BUNDLE: '/etc/letsencrypt/lab-ca.pem', ...env }).map(([name, value]) => `${name}=${value}`)
    const command = ['env', '-i', ...variables, 'sh', '-c', `cd "$1" && eval "$2"`, 'sh', cwd, line]
    return ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', SETUP, 'setup', root, inRepository('.'), ...command]
  }
  return {
    root,
    run: (line, options = {}) => lab.server.exec(argv(line, options), { reject: false, timeout: LIMIT }),
    start: (line, options = {}) => lab.server.spawn(argv(line.startsWith('exec ') ? line : `exec ${line}`, options)),
  }
}
