import { readdirSync, statSync } from 'node:fs'
import t from 'tap'
import { request } from '../../src/lab/http.js'
import { requiresKernel } from '../requires-kernel.js'
import { openArmedLab, programs, type ArmedLab } from './armed-lab.js'
import { eachFamily, examine } from './doctor-run.js'

t.test('doctor', await requiresKernel(...programs, 'nft'), async (t) => {
  t.test('it changes nothing', async (t) => {
    const lab = await openArmedLab(t)
    for (const options of [
      [],
      ...['nft', 'iptables', 'iptables-nft', 'iptables-legacy'].map((name) => ['--firewall', name]),
    ]) {
      const before = await state(lab)
      await examine(lab, ...options)
      t.same(await state(lab), before, options.join(' '))
      t.equal(await tracked(lab), 0, 'tracking is off as before, for what comes now too')
    }
    await eachFamily(lab.server, 'nft', ['-P', 'INPUT', 'DROP'])
    await eachFamily(lab.server, 'legacy', ['-A', 'INPUT', '-m', 'conntrack', '--ctstate', 'INVALID', '-j', 'DROP'])
    const before = await state(lab)
    await examine(lab)
    t.same(await state(lab), before, 'rules of others there')
  })
})

/** Connections that the kernel tracks after one more request. */
async function tracked(lab: ArmedLab): Promise<number> {
  await request(lab.validator, { address: lab.server.addresses.ipv4, path: '/' })
  return Number((await lab.server.exec(['cat', '/proc/sys/net/netfilter/nf_conntrack_count'])).stdout)
}

/** Every rule, to the letter, empty tables too; queues; the files that a start makes; processes. */
async function state(lab: ArmedLab): Promise<Record<string, unknown>> {
  const listings = [
    ['cat', '/proc/net/ip_tables_names', '/proc/net/ip6_tables_names'],
    ['nft', 'list', 'ruleset'],
    ['cat', '/proc/net/netfilter/nfnetlink_queue'],
  ]
  const read = async (argv: readonly string[]) =>
    (await lab.server.exec(argv, { reject: false })).stdout.replace(/^#.*\n/gm, '')
  const rules: string[] = []
  for (const argv of listings) rules.push(await read(argv))
  // Only where they are there already: their looking brings tables in.
  if (rules[0] !== '')
    for (const program of ['iptables-legacy-save', 'ip6tables-legacy-save'])
      rules.push((await read([program])).replace(/\[\d+:\d+\]/g, ''))
  return {
    rules,
    directory: readdirSync(lab.directory).sort(),
    lock: statSync('/run/xtables.lock', { throwIfNoEntry: false })?.ino,
    processes: (await lab.server.processes()).length,
  }
}
