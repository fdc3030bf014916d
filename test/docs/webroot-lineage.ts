import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inRepository } from '../../src/lab/repository.js'
import type { Scene } from '../../src/lab/scene.js'
import type { Machine } from './machine.js'

const configuration = 'etc/letsencrypt/renewal/example.com.conf'

/**
 * Gets a certificate for example.com in a common way: by certbot's webroot plugin, served by the lab's web server.
 * @throws Error with what certbot printed
 */
export async function obtainByWebroot({ webServer }: Scene, machine: Machine): Promise<void> {
  const directory = join(machine.root, 'run/webroot/.well-known')
  await mkdir(directory, { recursive: true })
  await symlink(directory, join(webServer.root, '.well-known'))
  const { exitCode, stdout, stderr } = await machine.run('certbot certonly --webroot -w /run/webroot -d example.com')
  if (exitCode !== 0) throw new Error(`${stdout}${stderr}`)
}

/**
 * Does by hand what the page with the ```ini block says: its lines under [renewalparams], instead of the authenticator
 * line that is there.
 */
export async function adoptByHand(machine: Machine, page: string): Promise<void> {
  const [, lines = ''] = /^```ini\n(.*?)^```$/ms.exec(await readFile(inRepository(page), 'utf8')) ?? []
  const path = join(machine.root, configuration)
  const before = await readFile(path, 'utf8')
  const after = before.replace(/^(authenticator|pref_challs|manual_\w+) = .*\n/gm, '').replace(/^\[renewalparams\]\n/m, (head) => `${head}${lines}`)
  await writeFile(path, after)
}
