/** The ACME clients that write a webroot, in the lab's server namespace, each with an account of its own. */
import { mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Finished } from '../../src/lab/lab.js'
import { run } from '../../src/lab/run.js'
import type { Scene } from '../../src/lab/scene.js'

/** Gets one certificate, and returns what came of it, and where the certificate is. Nothing is checked. */
export type Issue = (name: string, webroot: string) => Promise<{ readonly outcome: Finished; readonly path: string }>

/** Longer than any of them takes for a validation that fails. */
const LIMIT = 300_000

/** Returns the clients by name. */
export async function webrootClients(scene: Scene): Promise<Readonly<Record<'lego' | 'acme-tiny' | 'certbot', Issue>>> {
  const { lab, authority, certbot } = scene
  const { directoryUrl, caBundle } = authority
  const directory = await mkdtemp(join(lab.directory, 'clients-'))
  const enter = (words: readonly string[], env: Readonly<Record<string, string>>) =>
    lab.server.exec(words, { reject: false, timeout: LIMIT, env: { HOME: directory, ...env } })
  const account = join(directory, 'account.key')
  await run(['openssl', 'genrsa', '-out', account, '2048'])
  return {
    'lego': async (name, webroot) => ({
      outcome: await enter(
        [
          ...['lego', '--server', directoryUrl, '--email', 'admin@example.com', '--accept-tos', '--path', directory],
          ...['--domains', name, '--http', '--http.webroot', webroot, 'run'],
        ],
        { LEGO_CA_CERTIFICATES: caBundle },
      ),
      path: join(directory, 'certificates', `${name}.crt`),
    }),
    'acme-tiny': async (name, webroot) => {
      const [key, request, path] = ['key', 'csr', 'crt'].map((kind) => join(directory, `${name}.${kind}`)) as [
        string,
        string,
        string,
      ]
      const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`]
      await run([
        'openssl',
        'req',
        '-new',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-keyout',
        key,
        '-out',
        request,
        ...subject,
      ])
      // It does not make the directory. Its own check comes at once, and only once (docs/clients.md).
      const challenges = join(webroot, '.well-known', 'acme-challenge')
      await run(['mkdir', '-p', challenges])
      const words = [
        '--account-key',
        account,
        '--csr',
        request,
        '--acme-dir',
        challenges,
        '--directory-url',
        directoryUrl,
      ]
      const outcome = await enter(['acme-tiny', ...words, '--disable-check'], { SSL_CERT_FILE: caBundle })
      await writeFile(path, outcome.stdout)
      return { outcome, path }
    },
    'certbot': async (name, webroot) => ({
      outcome: await certbot.run([
        ...['certonly', '--webroot', '-w', webroot, '-d', name],
        ...['--agree-tos', '--register-unsafely-without-email'],
      ]),
      path: certbot.certificate(name),
    }),
  }
}
