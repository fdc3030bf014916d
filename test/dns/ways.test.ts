import t from 'tap'
import { openLab, type Lab } from '../../src/lab/lab.js'
import { inRepository } from '../../src/lab/repository.js'
import { requiresKernel } from '../requires-kernel.js'
import { startNameServer, type Zone } from './name-servers.js'
import { signZone } from './sign-zone.js'
import { RESOLVER, startOfZone, startWorld, type WorldOptions } from './world.js'
import { ALIAS, DELEGATION, OWN, OWN_ZONE } from './zones.js'

const programs = ['nsd', 'unbound', 'dnssec-signzone'] as const

/** What is read and judged, as doctor has it, on a machine of the lab: the code of the failure, or `ok`. */
const READ = `
const { readDnsName, judgeDnsName } = await import(process.argv[1])
const { addressesOfMachine } = await import(process.argv[2])
const name = { identifier: 'example.com', alias: process.argv[4] || undefined }
const paths = await readDnsName(name, { resolver: process.argv[3], timeLimit: 60_000 })
const failure = judgeDnsName(name, paths, { machine: addressesOfMachine(), isShared: false })
process.stdout.write(paths.length === 0 ? 'unknown' : failure ? failure.code + ': ' + failure.message : 'ok')
`

const look = async (lab: Lab, alias = ''): Promise<string> => {
  const files = ['diagnosis/doctor/dns-names.js', 'network/addresses.js'].map((file) => inRepository(`dist/${file}`))
  const words = ['node', '--input-type=module', '-e', READ, ...files, RESOLVER, alias]
  return (await lab.server.exec(words)).stdout
}

const serve = (lab: Lab, ...zones: readonly Zone[]) =>
  startNameServer('nsd', {
    namespace: lab.server,
    directory: lab.directory,
    addresses: [lab.server.addresses.ipv4, lab.server.addresses.ipv6],
    zones,
  })

const cases: readonly {
  readonly what: string
  readonly world: WorldOptions
  readonly zones?: readonly Zone[]
  readonly alias?: string
  readonly expected: RegExp
}[] = [
  { what: 'a zone of the user’s own', world: OWN, zones: [OWN_ZONE], expected: /^ok$/ },
  {
    what: 'one with a second server',
    world: OWN,
    zones: [{ ...OWN_ZONE, records: [...OWN_ZONE.records, '@ NS ns2', 'ns2 A 192.0.2.9'] }],
    expected: /^dns-other-servers: a CA may ask ns2\.example\.com \(192\.0\.2\.9\) for _acme-challenge\.example\.com/,
  },
  { what: 'a delegation, with nobody on the port', world: DELEGATION, expected: /^ok$/ },
  { what: 'a delegation from a signed zone', world: { ...DELEGATION, isSigned: true }, expected: /^ok$/ },
  {
    what: 'a provider, and no delegation',
    world: { provided: [{ name: 'example.com.', records: startOfZone('a.root.') }] },
    expected:
      /^dns-elsewhere: a CA asks a\.root \(192\.0\.2\.3, 2001:db8::3\) for _acme-challenge\.example\.com, which are/,
  },
  {
    what: 'an alias that the hooks do not know',
    world: ALIAS,
    expected: /^dns-alias: .* is an alias of .*\.auth\.example\.net/,
  },
  { what: 'an alias that the hooks know', world: ALIAS, alias: 'auth.example.net', expected: /^ok$/ },
  {
    what: 'a zone of aliases without the alias',
    world: DELEGATION,
    alias: 'auth.example.net',
    expected: /^dns-alias: .* no alias/,
  },
]

for (const { what, world, zones = [], alias, expected } of cases) {
  t.test(what, await requiresKernel(...programs), async (t) => {
    const lab = await openLab()
    t.teardown(lab.close)
    await startWorld(lab, world)
    if (zones.length > 0) await serve(lab, ...zones)
    t.match(await look(lab, alias), expected)
  })
}

t.test('a signed zone of the user’s own', await requiresKernel(...programs), async (t) => {
  const lab = await openLab()
  t.teardown(lab.close)
  const signed = await signZone(lab.directory, OWN_ZONE)
  await startWorld(lab, { com: [...(OWN.com ?? []), ...signed.ds], isSigned: true })
  await serve(lab, signed)
  t.match(await look(lab), /^dns-signed: the zone example\.com is signed/)
})
