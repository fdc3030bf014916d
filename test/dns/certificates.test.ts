import t, { type Test } from 'tap'
import { readCertificate } from '../../src/lab/certificate.js'
import type { WorldOptions } from './world.js'
import { requiresKernel } from '../requires-kernel.js'
import { temporaryDirectory } from '../temporary-directory.js'
import { loseAFifth } from './loss.js'
import { NAME_SERVERS, type NameServerName } from './name-servers.js'
import { signZone } from './sign-zone.js'
import { openStage, stagePrograms, type Stage } from './stage.js'
import { ALIAS, DELEGATION, OWN, OWN_ZONE } from './zones.js'

const NAMES = ['example.com', '*.example.com']

/** A wildcard and its base in one certificate: two values for one name. */
async function succeeds(t: Test, { certbot, leftovers }: Stage): Promise<void> {
  const { exitCode, stdout, stderr } = await certbot.certonly(NAMES, {
    challenge: 'dns',
    arguments: ['--force-renewal'],
  })
  t.equal(exitCode, 0, 'certbot succeeds', { stdout, stderr })
  t.notMatch(`${stdout}\n${stderr}`, /certbot-nfq: /, 'the hooks have nothing to say')
  if (exitCode !== 0) return
  t.same([...(await readCertificate(certbot.certificate('example.com'))).names].sort(), [...NAMES].sort())
  t.same(await leftovers(), [])
}

t.test(
  'a zone of the user’s own',
  await requiresKernel(...stagePrograms, ...Object.values(NAME_SERVERS)),
  async (t) => {
    const stage = await openStage(OWN)
    t.teardown(stage.close)
    for (const name of Object.keys(NAME_SERVERS) as NameServerName[])
      await t.test(`served by ${name}`, async (t) => {
        const server = await stage.serve(name, OWN_ZONE)
        await succeeds(t, stage)
        t.notMatch(await stage.log(), /serving it ourselves/, 'the port is the server’s, though loopback is free')
        await server.stop()
      })
  },
)

const cases: readonly {
  readonly what: string
  readonly world: WorldOptions
  readonly server?: NameServerName
  readonly options?: readonly string[]
  /** What happens to the packets of the DNS, in both directions. */
  readonly isLossy?: true
}[] = [
  { what: 'minimised names', world: { ...OWN, resolver: { isMinimising: true } }, server: 'bind' },
  { what: 'TCP only', world: { ...OWN, resolver: { isTcpOnly: true } }, server: 'knot' },
  { what: 'a delegation, with nobody on the port', world: DELEGATION },
  { what: 'a delegation, with minimised names', world: { ...DELEGATION, resolver: { isMinimising: true } } },
  { what: 'a delegation by TCP only', world: { ...DELEGATION, resolver: { isTcpOnly: true } } },
  { what: 'a delegation from a signed zone', world: { ...DELEGATION, isSigned: true } },
  { what: 'a delegation from a signed zone to a name server', world: { ...DELEGATION, isSigned: true }, server: 'nsd' },
  { what: 'a fifth of the packets lost', world: OWN, server: 'bind', isLossy: true },
  { what: 'an alias', world: ALIAS, options: ['--dns-alias', 'auth.example.net'] },
]

for (const { what, world, server, options, isLossy } of cases) {
  t.test(what, await requiresKernel(...stagePrograms), async (t) => {
    const stage = await openStage(world, options)
    t.teardown(stage.close)
    if (server) await stage.serve(server, world.provided ? { ...OWN_ZONE, name: 'example.org.' } : OWN_ZONE)
    if (isLossy) await loseAFifth(stage.lab)
    await succeeds(t, stage)
  })
}

t.test(
  'a signed zone of the user’s own cannot work, and the auth hook says so',
  await requiresKernel(...stagePrograms, 'dnssec-signzone'),
  async (t) => {
    const directory = temporaryDirectory(t)
    const zone = await signZone(directory, OWN_ZONE)
    const stage = await openStage({ com: [...(OWN.com ?? []), ...zone.ds], isSigned: true })
    t.teardown(stage.close)
    await stage.serve('nsd', zone)
    const { exitCode, stdout, stderr } = await stage.certbot.certonly(['example.com'], { challenge: 'dns' })
    t.not(exitCode, 0, 'the CA takes the answer for forged')
    t.match(
      `${stdout}\n${stderr}`,
      /certbot-nfq: the zone example\.com is signed, and answers of certbot-nfq are not: .*\n.*\[dns-signed, /,
    )
    t.same(await stage.leftovers(), [])
  },
)

t.test(
  'a signed zone of the user’s own, which delegates the name to the server that it is on',
  await requiresKernel(...stagePrograms, 'dnssec-signzone', 'named'),
  async (t) => {
    const directory = temporaryDirectory(t)
    const zone = await signZone(directory, { ...OWN_ZONE, records: [...OWN_ZONE.records, '_acme-challenge NS ns1'] })
    const stage = await openStage({ com: [...(OWN.com ?? []), ...zone.ds], isSigned: true })
    t.teardown(stage.close)
    for (const name of ['nsd', 'bind'] as const)
      await t.test(name, async (t) => {
        const server = await stage.serve(name, zone)
        await succeeds(t, stage)
        await server.stop()
      })
  },
)
