import t from 'tap'
import { openLab } from '../../src/lab/lab.js'
import { requiresKernel } from '../requires-kernel.js'
import { NAME_SERVERS, startNameServer, type NameServerName } from './name-servers.js'
import { RESOLVER, startOfZone, startWorld } from './world.js'
import { DELEGATION, OWN, OWN_ZONE } from './zones.js'

const programs = [...Object.values(NAME_SERVERS), 'unbound', 'dig', 'dnssec-signzone'] as const

t.test('the resolver of the CA', await requiresKernel(...programs), async (t) => {
  const lab = await openLab()
  t.teardown(lab.close)
  await startWorld(lab, OWN)
  for (const name of Object.keys(NAME_SERVERS) as NameServerName[]) {
    await t.test(`reaches ${name} on the server, by UDP and TCP`, async (t) => {
      const server = await startNameServer(name, {
        namespace: lab.server,
        directory: lab.directory,
        addresses: [lab.server.addresses.ipv4, lab.server.addresses.ipv6],
        zones: [OWN_ZONE],
      })
      const ask = async (...words: string[]) =>
        (await lab.validator.exec(['dig', '+short', `@${RESOLVER}`, ...words], { reject: false })).stdout.trim()
      t.equal(await ask('text.example.com', 'TXT'), '"a bystander"')
      t.equal((await ask('long.example.com', 'TXT')).split('\n').length, 8, 'what does not fit comes by TCP')
      await server.stop()
    })
  }
})

t.test(
  'the resolver validates what is signed, and takes an insecure delegation',
  await requiresKernel(...programs),
  async (t) => {
    const lab = await openLab()
    t.teardown(lab.close)
    await startWorld(lab, { ...DELEGATION, isSigned: true, resolver: { isMinimising: true } })
    await startNameServer('nsd', {
      namespace: lab.server,
      directory: lab.directory,
      addresses: [lab.server.addresses.ipv4, lab.server.addresses.ipv6],
      zones: [
        { name: '_acme-challenge.example.com.', records: [...startOfZone('acme.example.com.'), '@ TXT "delegated"'] },
      ],
    })
    const ask = async (...words: string[]) =>
      (await lab.validator.exec(['dig', '+dnssec', `@${RESOLVER}`, ...words], { reject: false })).stdout
    t.match(await ask('example.com', 'A'), /flags: qr rd ra ad;/)
    const answer = await ask('_acme-challenge.example.com', 'TXT')
    t.match(answer, /"delegated"/)
    t.match(answer, /flags: qr rd ra;/, 'unsigned, and not bogus')
  },
)
