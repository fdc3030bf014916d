import t from 'tap'
import { readCertificate } from '../../src/lab/certificate.js'
import { openScene, scenePrograms } from '../../src/lab/scene.js'
import { requiresKernel } from '../requires-kernel.js'

t.test(
  'certbot gets one certificate for ten names, all armed at the same time',
  await requiresKernel(...scenePrograms),
  async (t) => {
    const { authority, certbot, ...scene } = await openScene()
    t.teardown(scene.close)
    const names = Array.from({ length: 10 }, (_, at) => `name${at}.example.com`)

    const outcome = await certbot.certonly(names)

    t.equal(outcome.exitCode, 0, outcome.stderr)
    t.same([...(await readCertificate(certbot.certificate('name0.example.com'))).names].sort(), names)
    for (const name of names)
      t.match(authority.logs(), `//${name}:80/.well-known/acme-challenge/`, `the CA asked ${name}`)
    t.same(await scene.challengesAtWebServer(), [], 'the web server never saw a challenge')
    t.same(await scene.leftovers(), [])
  },
)
