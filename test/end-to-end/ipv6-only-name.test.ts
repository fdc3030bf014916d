import t from 'tap'
import { readCertificate } from '../../src/lab/certificate.js'
import { captureChallenges } from '../../src/lab/challenge-traffic.js'
import { openScene, scenePrograms } from '../../src/lab/scene.js'
import { requiresKernel } from '../requires-kernel.js'

t.test(
  'certbot gets a certificate for a name that has an AAAA record only',
  await requiresKernel(...scenePrograms, 'tcpdump'),
  async (t) => {
    const { lab, authority, certbot, ...scene } = await openScene({ authority: { defaultIpv4: false } })
    t.teardown(scene.close)
    await authority.setIpv6('six.example.com', [lab.server.addresses.ipv6])
    const capture = await captureChallenges(lab.validator)

    const outcome = await certbot.certonly(['six.example.com'])

    const exchanges = await capture.stop()
    t.equal(outcome.exitCode, 0, outcome.stderr)
    t.same((await readCertificate(certbot.certificate('six.example.com'))).names, ['six.example.com'])
    t.ok(exchanges.length > 0, 'the CA asked')
    for (const { server, status } of exchanges) {
      t.equal(server, `${lab.server.addresses.ipv6}.80`)
      t.equal(status, 'HTTP/1.1 200 OK')
    }
    t.same(await scene.challengesAtWebServer(), [], 'the web server never saw the challenge')
    t.same(await scene.leftovers(), [])
  },
)
