import t from 'tap'
import { inRepository } from '../../src/lab/repository.js'
import { openScene, scenePrograms } from '../../src/lab/scene.js'
import { requiresKernel } from '../requires-kernel.js'
import { CLIENTS } from './clients.js'

/** What Debian's acmetool.service leaves of root's rights. */
const unit = ['setpriv', '--bounding-set=-all,+chown,+net_bind_service', '--inh-caps=-all', '--no-new-privs', '--']

t.test(
  'under the rights of its unit, acmetool’s hook uses a responder that runs, and says so where none does',
  await requiresKernel(...scenePrograms, 'acmetool'),
  async (t) => {
    const scene = await openScene()
    t.teardown(scene.close)
    const { lab, authority, certbot } = scene
    const client = await CLIENTS.acmetool(scene, { before: unit })
    const without = await client.issue(['without.example.com'])
    t.not(without.exitCode, 0)
    t.match(`${without.stdout}${without.stderr}`, /^certbot-nfq: .*\n.*\[(capability-missing|not-root), /m)
    t.notOk(authority.logs().includes('without.example.com:80/'), 'the CA was not asked')

    const service = lab.server.spawn([inRepository('hooks/certbot-nfq'), 'serve', '--run-dir', certbot.runDirectory])
    await service.waitForOutput(/info listening in /)
    const served = await client.issue(['with.example.com', 'without.example.com'])
    t.equal(served.exitCode, 0, 'it succeeds', { said: served.stdout + served.stderr })
    await service.stop()
    t.same(await scene.leftovers(), [])
  },
)
