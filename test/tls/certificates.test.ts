import t, { type Test } from 'tap'
import { join } from 'node:path'
import { startCertificateAuthority } from '../../src/lab/certificate-authority.js'
import { readCertificate } from '../../src/lab/certificate.js'
import { openLab, type Namespace } from '../../src/lab/lab.js'
import { run } from '../../src/lab/run.js'
import { openScene, scenePrograms } from '../../src/lab/scene.js'
import { startWebServer } from '../../src/lab/web-server.js'
import { CLIENTS, type Client } from '../clients/clients.js'
import { requiresKernel } from '../requires-kernel.js'
import { startTlsBystanders } from './tls-bystanders.js'

const names = ['one.example.com', 'two.example.com']
/** What makes them ask for tls-alpn-01. */
const settings: Readonly<Record<'uacme' | 'dehydrated', { env: Record<string, string>; configuration: string[] }>> = {
  uacme: { env: { CERTBOT_NFQ_CHALLENGE: 'tls-alpn-01' }, configuration: [] },
  dehydrated: { env: {}, configuration: ['CHALLENGETYPE=tls-alpn-01'] },
}

for (const name of ['uacme', 'dehydrated'] as const) {
  const { env, configuration } = settings[name]
  t.test(name, await requiresKernel(...scenePrograms, name), async (t) => {
    const scene = await openScene()
    t.teardown(scene.close)
    const { lab, authority } = scene
    const server = await startWebServer(lab, { port: 443, isTls: true })
    const client = await CLIENTS[name](scene, { configuration })
    const bystanders = startTlsBystanders(lab.validator, lab.server.addresses.ipv4)
    const issue = (names: readonly string[]) => issueQuietly(t, client, names, env)

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

    if (name === 'uacme' || (await dehydratedKnowsAddresses()))
      await t.test('for an IPv4 and for an IPv6 address', async () => {
        const { ipv4, ipv6 } = lab.server.addresses
        for (const address of [ipv4, ipv6]) {
          const words = name === 'dehydrated' ? `ip:${address}` : address
          await issue([words])
          const { addresses } = await readCertificate(client.certificate(words))
          t.same(addresses, [address === ipv4 ? ipv4 : '2001:DB8:0:0:0:0:0:1'])
        }
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

t.test(
  'behind a router that forwards port 443 to 8443 of the server, with one packet in five lost',
  await requiresKernel(...scenePrograms, 'uacme', 'dehydrated'),
  async (t) => {
    const lab = await openLab({ container: true })
    t.teardown(lab.close)
    const { server: router, container: server, validator } = lab
    await forward(router, server, 443, 8443)
    for (const [version, network] of Object.entries({ ipv4: '198.51.100.0/24', ipv6: '2001:db8:1::/64' }))
      await validator.exec(['ip', 'route', 'add', network, 'via', router.addresses[version as 'ipv4' | 'ipv6']])
    await loseOneInFive(validator, 443)
    const authority = await startCertificateAuthority(lab)
    await authority.setIpv6('six.example.com', [router.addresses.ipv6])
    const nginx = await startWebServer(lab, { namespace: server, port: 8443, isTls: true })
    for (const name of ['uacme', 'dehydrated'] as const) {
      const { env, configuration } = settings[name]
      const certbot = { runDirectory: join(lab.directory, `run-${name}`) }
      const client = await CLIENTS[name]({ lab: { ...lab, server }, authority, certbot }, { configuration })
      for (const host of ['one.example.com', 'six.example.com'])
        await issueQuietly(t, client, [host], { ...env, CERTBOT_NFQ_TLS_PORT: '8443' })
    }
    t.notMatch(authority.logs(), /\/\.well-known\/acme-challenge\//, 'by tls-alpn-01 alone')
    t.match(nginx.errorLog(), /while SSL handshaking/, 'the server saw a reset')
  },
)

/** Whether it knows RFC 8738. In 0.7.0, as in Debian 12, the type of each identifier is `dns`. */
async function dehydratedKnowsAddresses(): Promise<boolean> {
  return !/ version: 0\.(?:[0-6]\.\d+|7\.0)$/m.test((await run(['dehydrated', '--version'])).stdout)
}

/** Gets a certificate, of which the hook has nothing to say. */
async function issueQuietly(t: Test, client: Client, names: readonly string[], env: Record<string, string>) {
  const { exitCode, stdout, stderr } = await client.issue(names, env)
  t.equal(exitCode, 0, `a certificate for ${names.join()}`, { said: `${stdout}\n${stderr}` })
  t.notMatch(`${stdout}\n${stderr}`, /certbot-nfq: /, 'the hook has nothing to say')
}

/** Forwards a port of a router to one of a machine behind it, by IPv4 and IPv6. */
async function forward(router: Namespace, { addresses }: Namespace, from: number, to: number): Promise<void> {
  const destinations = { iptables: `${addresses.ipv4}:${to}`, ip6tables: `[${addresses.ipv6}]:${to}` }
  for (const [program, destination] of Object.entries(destinations)) {
    const words = ['-t', 'nat', '-A', 'PREROUTING', '-p', 'tcp', '--dport', String(from), '-j', 'DNAT']
    await router.exec([program, '-w', ...words, '--to-destination', destination])
  }
}

/**
 * Loses every fifth packet from and to a port of others. With chance in its place, a validation would now and then take
 * longer than the 15 s that pebble has for it.
 */
async function loseOneInFive(validator: Namespace, port: number): Promise<void> {
  const lose = ['-m', 'statistic', '--mode', 'nth', '--every', '5', '--packet', '0', '-j', 'DROP']
  for (const program of ['iptables', 'ip6tables'])
    for (const [chain, at] of [
      ['INPUT', '--sport'],
      ['OUTPUT', '--dport'],
    ] as const)
      await validator.exec([program, '-w', '-A', chain, '-p', 'tcp', at, String(port), ...lose])
}
