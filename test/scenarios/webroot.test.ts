import { chownSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { snapshotRules } from '../../src/lab/rules.js'
import { inRepository } from '../../src/lab/repository.js'
import { waitUntil } from '../../src/lab/wait-until.js'
import { requiresKernel } from '../requires-kernel.js'
import { openArmedLab, programs } from './armed-lab.js'
import { challengeFor } from './challenge.js'
import { exchange } from './tcp-client.js'

const WWW_DATA = '33'

t.test(
  'what another user writes into a directory of their own is served while it is there',
  await requiresKernel(...programs),
  async (t) => {
    const lab = await openArmedLab(t)
    const { server } = lab
    const site = join(lab.directory, 'site')
    const inside = join(site, '.well-known', 'acme-challenge')
    const asOwner = (...argv: string[]) =>
      server.exec(['setpriv', '--reuid', WWW_DATA, '--regid', WWW_DATA, '--clear-groups', ...argv])
    const [early, late, hooked] = [challengeFor('early'), challengeFor('late'), challengeFor('hooked')]
    const ask = ({ request }: typeof early) => exchange(lab.validator, { address: server.addresses.ipv4 }, request)
    const write = ({ token, keyAuthorization }: typeof early) =>
      asOwner('sh', '-c', 'umask 077; mkdir -p "$1"; printf %s "$3" >"$1/$2"', 'sh', inside, token, keyAuthorization)
    // The lab's directory is root's alone. It would keep the owner from what is below it.
    await server.exec(['chmod', '711', lab.directory])
    mkdirSync(site, { mode: 0o700 })
    chownSync(site, Number(WWW_DATA), Number(WWW_DATA))
    const before = await snapshotRules(server)

    await write(early)
    const service = await lab.serve('--webroot', site)
    await service.waitForOutput(new RegExp(`${early.token} armed for webroot on port 80`))
    t.equal(await ask(early), early.reply, 'a file that was there before')
    t.not(await ask(late), late.reply)

    await write(late)
    await service.waitForOutput(new RegExp(`${late.token} armed`))
    t.equal(await ask(late), late.reply)
    await lab.arm(hooked)
    t.equal(await ask(hooked), hooked.reply, 'hooks use the same responder')
    t.same((await lab.cleanup(hooked)).exitCode, 0)

    await asOwner('ln', '-s', '/etc/shadow', join(inside, hooked.token))
    await waitUntil(async () => (await lab.running()).webroots?.[0]?.refused['link'] === 1, 'the link to be refused')
    const { stdout } = await server.exec([inRepository('hooks/certbot-nfq'), 'status', '--run-dir', lab.runDirectory])
    t.match(stdout, new RegExp(`^webroot ${site}: 2 files armed; not armed: 1 that is a symbolic link$`, 'm'))

    await asOwner('rm', '-r', join(site, '.well-known'))
    await waitUntil(async () => (await lab.running()).challenges.length === 0, 'both to be disarmed')
    await service.waitForOutput(/rules removed/)
    t.equal(await snapshotRules(server), before, 'no rule stands while no file is there')
    t.ok((await ask(late)).endsWith(lab.webServer.body))

    await write(late)
    await waitUntil(async () => (await lab.running()).challenges.length === 1, 'it to be armed again')
    await service.stop()
    t.same(await service.exited, { exitCode: 0, signal: undefined })
    t.same(await lab.leftovers(), [], 'a service that is stopped leaves nothing, though the file is there')
  },
)
