import t from 'tap'
import { readCertificate } from '../../src/lab/certificate.js'
import { CLIENTS, type ClientName } from '../clients/clients.js'
import { requiresKernel } from '../requires-kernel.js'
import { openStage, stagePrograms } from './stage.js'
import { DELEGATION } from './zones.js'

/** Without an address for example.com: acmetool tries http-01 first, and serves it itself where port 80 is free. */
const world = {
  provided: (DELEGATION.provided ?? []).map((zone) => ({
    ...zone,
    records: zone.records.filter((record) => !/^@ A/.test(record)),
  })),
}

/** What each client needs, to use dns-01. */
const USE: Partial<Record<ClientName, { readonly configuration?: readonly string[]; readonly challenge?: string }>> = {
  dehydrated: { configuration: ['CHALLENGETYPE=dns-01', 'HOOK_CHAIN=yes'] },
  uacme: { challenge: 'dns-01' },
  acmetool: { challenge: 'dns-01' },
}

t.test(
  'clients other than certbot, with a delegation',
  await requiresKernel(...stagePrograms, 'dehydrated', 'uacme', 'acmetool'),
  async (t) => {
    const stage = await openStage(world)
    t.teardown(stage.close)
    for (const [name, { configuration = [], challenge }] of Object.entries(USE))
      await t.test(name, async (t) => {
        const client = await CLIENTS[name as ClientName](stage, { configuration })
        const names = ['example.com', '*.example.com']
        const env = challenge === undefined ? {} : { CERTBOT_NFQ_CHALLENGE: challenge }
        const { exitCode, stdout, stderr } = await client.issue(names, env)
        t.equal(exitCode, 0, 'it succeeds', { stdout, stderr })
        t.notMatch(`${stdout}\n${stderr}`, /certbot-nfq: /, 'the hook has nothing to say')
        t.same([...(await readCertificate(client.certificate('example.com'))).names].sort(), [...names].sort())
        t.same(await stage.leftovers(), [])
      })
  },
)
