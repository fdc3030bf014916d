import t from 'tap'
import { startCertificateAuthority } from '../../src/lab/certificate-authority.js'
import { createCertbot } from '../../src/lab/certbot.js'
import { readCertificate } from '../../src/lab/certificate.js'
import { openLab } from '../../src/lab/lab.js'
import { scenePrograms } from '../../src/lab/scene.js'
import { startWebServer } from '../../src/lab/web-server.js'
import { requiresKernel } from '../requires-kernel.js'

const kernel = await requiresKernel(...scenePrograms)

for (const version of [4, 6] as const) {
  t.test(`certbot gets a certificate where nobody listens on the port (IPv${version})`, kernel, async (t) => {
    const lab = await openLab()
    t.teardown(lab.close)
    const authority = await startCertificateAuthority(
      lab,
      version === 4 ? {} : { defaultIpv4: false, defaultIpv6: true },
    )
    const certbot = await createCertbot(lab, authority)
    const listening = async () => (await lab.server.exec(['ss', '-Hltn'])).stdout
    const before = await listening()

    const outcome = await certbot.certonly(['none.example.com', 'nor.example.com'])

    t.equal(outcome.exitCode, 0, outcome.stderr)
    t.notMatch(outcome.stdout + outcome.stderr, /Hook '--manual-/, 'the hooks have nothing to say')
    t.same((await readCertificate(certbot.certificate('none.example.com'))).names, [
      'none.example.com',
      'nor.example.com',
    ])
    t.equal(await listening(), before, 'nobody listens again')
    await startWebServer(lab)
    t.equal((await certbot.renew()).exitCode, 0, 'and the same hooks renew it when a web server has come')
  })
}
