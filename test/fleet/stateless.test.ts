/** Three machines behind a load balancer, each with stateless answers, and real certbot on one of them. */
import t from 'tap'
import { createCertbot } from '../../src/lab/certbot.js'
import { startCertificateAuthority } from '../../src/lab/certificate-authority.js'
import { scenePrograms } from '../../src/lab/scene.js'
import { snapshotRules } from '../../src/lab/rules.js'
import { requiresKernel } from '../requires-kernel.js'
import { openFleet } from './fleet.js'

/** How many certificates: one by default, 100 for the proof. */
const CERTIFICATES = Number(process.env['FLEET_CERTIFICATES'] ?? 1)

/** The request lines of challenges at a web server. */
const isChallenge = /acme-challenge/

t.test(
  `${CERTIFICATES} certificates by requests that reach three machines in turn`,
  { ...(await requiresKernel(...scenePrograms)), timeout: 3_600_000 },
  async (t) => {
    const fleet = await openFleet(3)
    t.teardown(() => fleet.lab.close())
    const [first] = fleet.nodes
    if (!first) throw new Error('no node')
    const before = await Promise.all(fleet.nodes.map(({ namespace }) => snapshotRules(namespace)))
    const authority = await startCertificateAuthority(fleet.lab)
    const certbot = await createCertbot(fleet.labOf(first), authority)
    const registered = await certbot.run(['register', '--agree-tos', '--register-unsafely-without-email'])
    t.equal(registered.exitCode, 0, registered.stderr)

    // As docs/fleet.md has it: look the account up, serve it on every node, order.
    const shown = await first.run('account', '--json', '--config-dir', certbot.configDirectory)
    const [{ thumbprint = '', ca = '' } = {}] = JSON.parse(shown.stdout) as { thumbprint?: string; ca?: string }[]
    t.equal(ca, authority.directoryUrl)
    const words = ['--no-self-check', '--account', thumbprint, '--name', '*.fleet.example']
    const services = await Promise.all(fleet.nodes.map((node) => node.serve(...words)))

    let failures = 0
    for (let number = 1; number <= CERTIFICATES; number++) {
      const order = ['certonly', '--manual', '--preferred-challenges', 'http', '--manual-auth-hook', '/bin/true']
      const { exitCode, stderr } = await certbot.run([...order, '-d', `n${number}.fleet.example`])
      if (exitCode === 0) continue
      failures++
      t.comment(`certificate ${number}: ${stderr}`)
    }
    t.equal(failures, 0)
    const lineages = await certbot.lineages()
    t.equal(lineages.length, CERTIFICATES)
    const answered = await Promise.all(
      fleet.nodes.map(async (node) => {
        const { stdout } = await node.run('status', '--json')
        const { stateless } = JSON.parse(stdout) as { stateless?: { answered: number } }
        return stateless?.answered ?? 0
      }),
    )
    t.comment(`answered by each: ${answered.join(', ')}`)
    t.ok(
      answered.every((count) => count > 0),
      'every node was asked',
    )
    for (const { webServer } of fleet.nodes)
      t.same(
        (await webServer.requests()).filter((line) => isChallenge.test(line)),
        [],
      )

    await Promise.all(services.map((service) => service.stop('SIGTERM')))
    const after = await Promise.all(fleet.nodes.map(({ namespace }) => snapshotRules(namespace)))
    t.same(after, before)
  },
)
