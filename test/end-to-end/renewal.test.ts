import t from 'tap'
import { readCertificate } from '../../src/lab/certificate.js'
import { openScene, scenePrograms } from '../../src/lab/scene.js'
import { requiresKernel } from '../requires-kernel.js'

t.test(
  'certbot renews an existing lineage with the hooks of its renewal configuration',
  await requiresKernel(...scenePrograms),
  async (t) => {
    const { certbot, ...scene } = await openScene()
    t.teardown(scene.close)
    const first = await certbot.certonly(['old.example.com'])
    t.equal(first.exitCode, 0, first.stderr)
    const before = await readCertificate(certbot.certificate('old.example.com'))

    const renewal = await certbot.renew()

    const after = await readCertificate(certbot.certificate('old.example.com'))
    t.equal(renewal.exitCode, 0, renewal.stderr)
    t.same(after.names, ['old.example.com'])
    t.not(after.serial, before.serial, 'it is another certificate')
    t.same(await certbot.lineages(), ['old.example.com'])
    t.same(await scene.challengesAtWebServer(), [], 'the web server never saw a challenge')
    t.same(await scene.leftovers(), [])
  },
)
