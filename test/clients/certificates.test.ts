import t from 'tap'
import { startBystanders } from '../../src/lab/bystanders.js'
import { readCertificate } from '../../src/lab/certificate.js'
import { openScene, scenePrograms } from '../../src/lab/scene.js'
import { requiresKernel } from '../requires-kernel.js'
import { CLIENTS, type ClientName } from './clients.js'

const names = ['one.example.com', 'two.example.com', 'three.example.com']

for (const name of Object.keys(CLIENTS) as ClientName[]) {
  t.test(name, await requiresKernel(...scenePrograms, name), async (t) => {
    const { lab, webServer, authority, ...scene } = await openScene()
    t.teardown(scene.close)
    const client = await CLIENTS[name]({ lab, authority, ...scene })
    const issue = async (names: readonly string[], env = {}) => {
      const { exitCode, stdout, stderr } = await client.issue(names, env)
      return { exitCode, said: `${stdout}\n${stderr}` }
    }
    const isAsked = (name: string) => authority.logs().includes(`${name}:80/.well-known/acme-challenge/`)
    const bystanders = startBystanders(lab.validator, { address: lab.server.addresses.ipv4 }, webServer.body)

    await t.test('gets a certificate for three names, and renews it', async (t) => {
      const first = await issue(names)
      t.equal(first.exitCode, 0, 'it succeeds', first)
      t.notMatch(first.said, /certbot-nfq: /, 'the hook has nothing to say')
      const before = await readCertificate(client.certificate('one.example.com'))
      t.same([...before.names].sort(), [...names].sort())
      // acmetool renews by the age of a certificate alone.
      if (name !== 'acmetool') {
        const again = await issue(names)
        t.equal(again.exitCode, 0, 'it succeeds again', again)
        t.not((await readCertificate(client.certificate('one.example.com'))).serial, before.serial)
      }
      t.same(await scene.challengesAtWebServer(), [], 'the web server never saw a challenge')
    })

    await t.test('a hook that fails says why, and the CA is not asked', async (t) => {
      const { exitCode, said } = await issue(['four.example.com'], { CERTBOT_NFQ_MARK: '3' })
      t.not(exitCode, 0)
      t.match(said, /^certbot-nfq: --mark must be .*\n.*\[bad-option, /m)
      t.notOk(isAsked('four.example.com'))
    })

    await t.test('when nobody asks for the challenge, the diagnosis says so', async (t) => {
      await authority.setIpv4('five.example.com', [lab.validator.addresses.ipv4])
      const { exitCode, said } = await issue(['five.example.com'])
      t.not(exitCode, 0)
      t.match(said, /^certbot-nfq: no request for five\.example\.com reached port 80 of this machine: /m)
      t.equal(isAsked('five.example.com'), name !== 'acmetool', 'acmetool tries it first, and asks for none then')
    })

    const served = await bystanders.stop()
    t.same(served.failures, [])
    t.ok(served.requests > 0)
    t.same(await scene.leftovers(), [])
  })
}
