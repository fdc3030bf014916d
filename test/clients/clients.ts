/** The ACME clients besides certbot, in the lab's server namespace, each with a configuration of its own. */
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Finished } from '../../src/lab/lab.js'
import { inRepository } from '../../src/lab/repository.js'
import type { Scene } from '../../src/lab/scene.js'

/** Where a client runs. */
type Place = Pick<Scene, 'lab' | 'authority'> & { readonly certbot: Pick<Scene['certbot'], 'runDirectory'> }

/** A client that can get certificates. */
export interface Client {
  /** Gets one certificate for these names; a failure is a result. `env` is its environment, and so its hook's. */
  issue(names: readonly string[], env?: Readonly<Record<string, string>>): Promise<Finished>
  /** The certificate of the names that begin with this one. */
  certificate(name: string): string
  /** Its own directory. */
  readonly directory: string
}

/** How a client is made. */
export interface ClientOptions {
  /** The hook; that of the repository unless said. */
  readonly hook?: string
  /** Further lines of its configuration. */
  readonly configuration?: readonly string[]
  /** Words before its command line, such as those of setpriv. */
  readonly before?: readonly string[]
}

export const CLIENTS = { dehydrated: makeDehydrated, uacme: makeUacme, acmetool: makeAcmetool } as const
export type ClientName = keyof typeof CLIENTS

/** Longer than any of them takes for a validation that fails. */
const LIMIT = 300_000

async function makeDehydrated(
  scene: Place,
  { hook = hookOf('dehydrated'), configuration = [] }: ClientOptions = {},
): Promise<Client> {
  const { directory, run } = await enter(scene)
  const config = join(directory, 'config')
  const lines = [
    `CA=${scene.authority.directoryUrl}`,
    ...[`BASEDIR=${directory}`, `WELLKNOWN=${directory}/wellknown`, `HOOK=${hook}`, 'KEY_ALGO=secp384r1'],
    ...configuration,
  ]
  await writeFile(config, `${lines.join('\n')}\n`)
  await mkdir(join(directory, 'wellknown'))
  const dehydrated = (words: readonly string[], env = {}) => run(['dehydrated', '--config', config, ...words], env)
  must(await dehydrated(['--register', '--accept-terms'], { HOOK: '' }))
  return {
    directory,
    issue: (names, env) => dehydrated(['--cron', '--force', ...names.flatMap((name) => ['--domain', name])], env),
    certificate: (name) => join(directory, 'certs', name, 'cert.pem'),
  }
}

async function makeUacme(scene: Place, { hook = hookOf('uacme') }: ClientOptions = {}): Promise<Client> {
  const { directory, run } = await enter(scene)
  const uacme = (words: readonly string[], env = {}) =>
    run(
      [
        'uacme',
        '--acme-url',
        scene.authority.directoryUrl,
        '--confdir',
        join(directory, 'uacme'),
        '--verbose',
        ...words,
      ],
      env,
    )
  must(await uacme(['--yes', 'new']))
  return {
    directory,
    issue: (names, env) => uacme(['--force', '--hook', hook, 'issue', ...names], env),
    certificate: (name) => join(directory, 'uacme', name, 'cert.pem'),
  }
}

async function makeAcmetool(
  scene: Place,
  { hook = hookOf('acmetool'), configuration = [], before = [] }: ClientOptions = {},
): Promise<Client> {
  const { directory, run } = await enter(scene)
  const [state, hooks] = [join(directory, 'acme'), join(directory, 'hooks')]
  await mkdir(join(state, 'conf'), { recursive: true })
  await mkdir(hooks)
  await writeFile(join(hooks, 'certbot-nfq'), `#!/bin/sh\nexec '${hook}' "$@"\n`, { mode: 0o755 })
  const target = ['request:', `  provider: ${scene.authority.directoryUrl}`, ...configuration]
  await writeFile(join(state, 'conf/target'), `${target.join('\n')}\n`)
  const responses = { 'acme-enter-email': '', 'acme-agreement:data:text/plain,Do%20what%20thou%20wilt': true }
  await writeFile(join(state, 'conf/responses'), JSON.stringify(responses))
  return {
    directory,
    issue: (names, env) =>
      run(
        [
          ...before,
          'acmetool',
          '--batch',
          '--state',
          state,
          '--hooks',
          hooks,
          '--xlog.severity=debug',
          'want',
          ...names,
        ],
        env,
      ),
    certificate: (name) => join(state, 'live', name, 'cert'),
  }
}

/** Returns a directory in the lab, and what runs a program that trusts the CA and asks the lab's DNS. */
async function enter({ lab, authority, certbot }: Place) {
  const directory = await mkdtemp(join(lab.directory, 'client-'))
  const resolver = join(directory, 'resolv.conf')
  await writeFile(resolver, `nameserver ${authority.dnsServer}\n`)
  // All mounts are seen by this command alone. acmetool writes below /run, whoever asks for what.
  const setup =
    'mount --bind "$0" /etc/resolv.conf && mount --bind "$1" /etc/ssl/certs/ca-certificates.crt && shift && exec "$@"'
  const env = { CERTBOT_NFQ_RUN_DIR: certbot.runDirectory, HOME: directory }
  const run = (words: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<Finished> =>
    lab.server.exec(['unshare', '--mount', 'sh', '-c', setup, resolver, authority.caBundle, ...words], {
      reject: false,
      timeout: LIMIT,
      env: { ...env, ...more },
    })
  return { directory, run }
}

/** Returns the hook of the repository for a client. */
export function hookOf(name: ClientName): string {
  return inRepository(`hooks/${name}`)
}

/** Returns the text of a file, or nothing when there is none. */
export async function textOf(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '')
}

function must({ exitCode, stdout, stderr }: Finished): void {
  if (exitCode !== 0) throw new Error(`${stdout}\n${stderr}`)
}
