import t from 'tap'
import { readCertificate } from '../../src/lab/certificate.js'
import { openScene, scenePrograms } from '../../src/lab/scene.js'
import { requiresKernel } from '../requires-kernel.js'
import { CLIENTS } from './clients.js'

t.test(
  'certificates for an IPv4 and for an IPv6 address',
  await requiresKernel(...scenePrograms, 'uacme'),
  async (t) => {
    const scene = await openScene()
    t.teardown(scene.close)
    const { ipv4, ipv6 } = scene.lab.server.addresses
    const client = await CLIENTS.uacme(scene)
    // One certificate for both is what pebble 2.4 to 2.9 refuses: it compares them in different orders (wfe.uniqueIPs).
    for (const address of [ipv4, ipv6]) {
      const { exitCode, stdout, stderr } = await client.issue([address])
      t.equal(exitCode, 0, address, { said: stdout + stderr })
      t.notMatch(stdout + stderr, /certbot-nfq: /, 'the hook has nothing to say')
      // openssl writes IPv6 addresses in full.
      const { addresses } = await readCertificate(client.certificate(address))
      t.same(addresses, [address === ipv4 ? ipv4 : '2001:DB8:0:0:0:0:0:1'])
    }
    t.same(await scene.challengesAtWebServer(), [], 'the web server never saw a challenge')
    t.same(await scene.leftovers(), [])
  },
)
