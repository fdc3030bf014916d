import t from 'tap'
import { createCertbot } from '../../src/lab/certbot.js'
import { openScene, scenePrograms } from '../../src/lab/scene.js'
import { requiresKernel } from '../requires-kernel.js'

t.test(
  'a name that leads elsewhere: certbot shows where, as the cleanup hook says it',
  await requiresKernel(...scenePrograms),
  async (t) => {
    const { lab, authority, ...scene } = await openScene()
    t.teardown(scene.close)
    const elsewhere = lab.validator.addresses
    const certbot = await createCertbot(lab, authority, { nameServer: authority.dnsServer })
    await authority.setIpv4('elsewhere.example.com', [elsewhere.ipv4])
    await authority.setIpv6('ipv6-elsewhere.example.com', [elsewhere.ipv6])

    const { exitCode, stdout, stderr } = await certbot.certonly([
      'elsewhere.example.com',
      'ipv6-elsewhere.example.com',
      'right.example.com',
    ])

    const output = stdout + stderr
    t.equal(exitCode, 1)
    t.match(output, /Some challenges have failed/)
    const diagnoses = [
      ...output.matchAll(/certbot-nfq: (no request for .*)\n.* \[(.*), \/.*docs\/errors\.md#[a-z\d-]+\]/g),
    ]
      .map(([, cause, code]) => [cause, code])
      .sort(([, one = ''], [, other = '']) => one.localeCompare(other))
    t.same(diagnoses, [
      [
        `no request for elsewhere.example.com reached port 80 of this machine: it has an A ${elsewhere.ipv4} that is not an address of this machine`,
        'elsewhere',
      ],
      [
        `no request for ipv6-elsewhere.example.com reached port 80 of this machine: it has an AAAA ${elsewhere.ipv6} that is not an address of this machine`,
        'ipv6-elsewhere',
      ],
    ])
    t.equal(output.match(/Hook '--manual-cleanup-hook'/g)?.length, 2, 'of the name that leads here nothing is said')
    t.notMatch(output, /Hook '--manual-auth-hook'/)
    t.same(await scene.leftovers(), [])
  },
)

t.test(
  'with --verbose the cleanup hook says who asked, also when all went well',
  await requiresKernel(...scenePrograms),
  async (t) => {
    const { lab, certbot, ...scene } = await openScene({ hooks: { options: ['--verbose'] } })
    t.teardown(scene.close)

    const { exitCode, stdout, stderr } = await certbot.certonly(['well.example.com'])

    t.equal(exitCode, 0, stderr)
    const told = `certbot-nfq: well.example.com: 3 requests from 1 address (IPv4); the answer was acknowledged by ${lab.validator.addresses.ipv4}`
    t.ok((stdout + stderr).includes(told), stdout + stderr)
    t.same(await scene.leftovers(), [])
  },
)
