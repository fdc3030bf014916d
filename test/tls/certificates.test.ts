import t from 'tap'
import { readCertificate } from '../../src/lab/certificate.js'
import { openScene, scenePrograms } from '../../src/lab/scene.js'
import { startWebServer } from '../../src/lab/web-server.js'
import { CLIENTS } from '../clients/clients.js'
import { requiresKernel } from '../requires-kernel.js'
import { startTlsBystanders } from './tls-bystanders.js'

const names = ['one.example.com', 'two.example.com']
/** What makes them ask for tls-alpn-01. */
const clients: Readonly<Record<'uacme' | 'dehydrated', { env?: Record<string, string>; configuration?: string[] }>> = {
  uacme: { env: { CERTBOT_NFQ_CHALLENGE: 'tls-alpn-01' } },
  dehydrated: { configuration: ['CHALLENGETYPE=tls-alpn-01'] },
}

for (const name of ['uacme', 'dehydrated'] as const) {
  const { env = {}, configuration = [] } = clients[name]
  t.test(name, await requiresKernel(...scenePrograms, name), async (t) => {
    const scene = await openScene()
    t.teardown(scene.close)
    const { lab, authority } = scene
    const server = await startWebServer(lab, { port: 443, isTls: true })
    const client = await CLIENTS[name](scene, { configuration })
    const bystanders = startTlsBystanders(lab.validator, lab.server.addresses.ipv4)
    const issue = async (names: readonly string[]) => {
      const { exitCode, stdout, stderr } = await client.issue(names, env)
      t.equal(exitCode, 0, `a certificate for ${names.join()}`, { said: `${stdout}\n${stderr}` })
      t.notMatch(`${stdout}\n${stderr}`, /certbot-nfq: /, 'the hook has nothing to say')
    }

    await t.test('gets a certificate, and renews it', async () => {
      await issue(names)
      const before = await readCertificate(client.certificate(names[0] ?? ''))
      t.same([...before.names].sort(), [...names].sort())
      await issue(names)
      t.not((await readCertificate(client.certificate(names[0] ?? ''))).serial, before.serial)
      t.notMatch(authority.logs(), /\/\.well-known\/acme-challenge\//, 'by tls-alpn-01 alone')
    })

    await t.test('by IPv6', async () => {
      await authority.setIpv6('six.example.com', [lab.server.addresses.ipv6])
      await issue(['six.example.com'])
    })

    t.ok((await bystanders.stop()) > 0, 'others were served meanwhile, each')
    t.match(
      server.errorLog(),
      /peer closed connection in SSL handshake|Connection reset by peer/,
      'the server saw a reset',
    )
    await server.service.stop()
    t.same(await scene.leftovers(), [])
  })
}
