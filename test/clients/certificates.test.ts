import t from 'tap'
import { startBystanders } from '../../src/lab/bystanders.js'
import { readCertificate } from '../../src/lab/certificate.js'
import { openScene, scenePrograms } from '../../src/lab/scene.js'
import { requiresKernel } from '../requires-kernel.js'
import { CLIENTS, type ClientName } from './clients.js'

const names = ['one.example.com', 'two.example.com', 'three.example.com']

for (const name of Object.keys(CLIENTS) as ClientName[]) {
  t.test(
    `${name} gets a certificate for three names, and renews it`,
    await requiresKernel(...scenePrograms, name),
    async (t) => {
      const { lab, webServer, authority, ...scene } = await openScene()
      t.teardown(scene.close)
      const client = await CLIENTS[name]({ lab, webServer, authority, ...scene })
      const bystanders = startBystanders(lab.validator, { address: lab.server.addresses.ipv4 }, webServer.body)
      const first = await client.issue(names)
      t.equal(first.exitCode, 0, 'it succeeds', { said: first.stdout + first.stderr })
      t.notMatch(first.stdout + first.stderr, /certbot-nfq: /, 'the hook has nothing to say')
      const before = await readCertificate(client.certificate('one.example.com'))
      t.same([...before.names].sort(), [...names].sort())
      if (name !== 'acmetool') {
        // acmetool renews by the age of a certificate alone.
        const again = await client.issue(names)
        t.equal(again.exitCode, 0, 'it succeeds again', { said: again.stdout + again.stderr })
        t.not((await readCertificate(client.certificate('one.example.com'))).serial, before.serial)
      }
      const served = await bystanders.stop()
      t.same(served.failures, [])
      t.ok(served.requests > 0)
      t.same(await scene.challengesAtWebServer(), [], 'the web server never saw a challenge')
      t.same(await scene.leftovers(), [])
    },
  )
}
