import t from 'tap'
import { startBystanders } from '../../src/lab/bystanders.js'
import { readCertificate } from '../../src/lab/certificate.js'
import { openScene, scenePrograms } from '../../src/lab/scene.js'
import { requiresKernel } from '../requires-kernel.js'

t.test(
  'certbot gets a certificate for one name and no ordinary client notices',
  await requiresKernel(...scenePrograms),
  async (t) => {
    const { lab, webServer, authority, certbot, ...scene } = await openScene()
    t.teardown(scene.close)
    const { ipv4, ipv6 } = lab.server.addresses
    const bystanders = [ipv4, ipv6].map((address) => startBystanders(lab.validator, { address }, webServer.body))

    const outcome = await certbot.certonly(['one.example.com'])

    const served = await Promise.all(bystanders.map((each) => each.stop()))
    t.equal(outcome.exitCode, 0, outcome.stderr)
    t.notMatch(outcome.stdout + outcome.stderr, /Hook '--manual-/, 'the hooks have nothing to say')
    t.same((await readCertificate(certbot.certificate('one.example.com'))).names, ['one.example.com'])
    t.match(authority.logs(), /one\.example\.com:80\/\.well-known\/acme-challenge\//, 'the CA asked port 80')
    t.same(await scene.challengesAtWebServer(), [], 'the web server never saw the challenge')
    t.same(
      served.flatMap(({ failures }) => failures),
      [],
    )
    t.ok(
      served.every(({ requests }) => requests > 0),
      'the bystanders were there',
    )
    t.same(await scene.leftovers(), [])
  },
)
