import { mkdtemp, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CertificateAuthority } from './certificate-authority.js'
import type { Finished, Lab } from './lab.js'
import { quoteForShell } from '../client/certbot/hook-command.js'
import { inRepository } from './repository.js'

/** Real certbot in the lab's server namespace, with configuration, work and log directories of its own. */
export interface Certbot {
  /** The run directory of the responder its hooks use. */
  readonly runDirectory: string
  /** Its `--config-dir`. */
  readonly configDirectory: string
  /** Runs any command of certbot, such as `certonly --webroot …`. A failure is a result, never a rejection. */
  run(words: readonly string[], options?: CertbotOptions): Promise<Finished>
  /** Gets one certificate for all names. A failure is a result, never a rejection. */
  certonly(names: readonly string[], options?: CertbotOptions): Promise<Finished>
  /** Renews every lineage it has, due or not, as their renewal configuration says. */
  renew(options?: CertbotOptions): Promise<Finished>
  /** Returns the newest certificate of the lineage with this name. */
  certificate(name: string): string
  /** Returns the names of its lineages. */
  lineages(): Promise<string[]>
}

/** Whose hooks certbot calls, and with which options. */
export interface Hooks {
  /** The run directory; one in the lab's directory unless said, the same for every certbot of the lab. */
  readonly runDirectory?: string
  /** Further options after the hooks, such as `--port 81`. */
  readonly options?: readonly string[]
  /** The directory with `auth` and `cleanup`; the repository's `hooks` unless said. */
  readonly directory?: string
  /**
   * The name server that certbot and its hooks ask. The default is the machine's own, which cannot be reached from a
   * lab.
   */
  readonly nameServer?: string
}

/** How one certbot command runs. */
export interface CertbotOptions {
  readonly env?: Readonly<Record<string, string>>
  /** The challenge type that `certonly` asks for, as certbot names it: http unless said. */
  readonly challenge?: 'http' | 'dns'
  /** Further arguments of certbot. */
  readonly arguments?: readonly string[]
}

/**
 * Longer than pebble takes for a failing validation (15 s), far shorter than a hang: certbot waits for its hooks for
 * ever.
 */
const limitMilliseconds = 300_000

/** Prepares a certbot, with an account and lineages of its own. */
export async function createCertbot(lab: Lab, authority: CertificateAuthority, hooks: Hooks = {}): Promise<Certbot> {
  const directory = await mkdtemp(join(lab.directory, 'certbot-'))
  const runDirectory = hooks.runDirectory ?? join(lab.directory, 'run')
  const hook = (name: 'auth' | 'cleanup'): string =>
    [join(hooks.directory ?? inRepository('hooks'), name), '--run-dir', runDirectory, ...(hooks.options ?? [])]
      .map(quoteForShell)
      .join(' ')
  const enter = hooks.nameServer === undefined ? [] : await withNameServer(hooks.nameServer, directory)
  const live = join(directory, 'config', 'live')

  const certbot = (words: readonly string[], options: CertbotOptions): Promise<Finished> =>
    lab.server.exec(
      [
        ...[...enter, 'certbot', ...words, '--non-interactive', '--server', authority.directoryUrl],
        ...['config', 'work', 'logs'].flatMap((name) => [`--${name}-dir`, join(directory, name)]),
        ...(options.arguments ?? []),
      ],
      { reject: false, timeout: limitMilliseconds, env: { REQUESTS_CA_BUNDLE: authority.caBundle, ...options.env } },
    )

  return {
    runDirectory,
    configDirectory: join(directory, 'config'),
    run: (words, options = {}) => certbot(words, options),
    certonly: (names, options = {}) =>
      certbot(
        [
          ...[
            'certonly',
            '--manual',
            '--preferred-challenges',
            options.challenge ?? 'http',
            '--agree-tos',
            '--register-unsafely-without-email',
          ],
          ...['--manual-auth-hook', hook('auth'), '--manual-cleanup-hook', hook('cleanup')],
          ...names.flatMap((name) => ['-d', name]),
        ],
        options,
      ),
    renew: (options = {}) => certbot(['renew', '--force-renewal', '--no-random-sleep-on-renew'], options),
    certificate: (name) => join(live, name, 'cert.pem'),
    lineages: async () => (await readdir(live).catch(() => [])).filter((name) => name !== 'README'),
  }
}

/**
 * Returns what precedes a command that has a resolv.conf of its own: a mount namespace, so that nothing else sees it.
 */
async function withNameServer(address: string, directory: string): Promise<readonly string[]> {
  const file = join(directory, 'resolv.conf')
  await writeFile(file, `nameserver ${address}\n`)
  return ['unshare', '--mount', 'sh', '-c', 'mount --bind "$0" /etc/resolv.conf && exec "$@"', file]
}
