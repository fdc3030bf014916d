import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { requiresKernel } from '../requires-kernel.js'
import { openArmedLab, programs } from './armed-lab.js'
import { challengeFor } from './challenge.js'
import { exchange } from './tcp-client.js'

const challenge = challengeFor('privileges')
const netAdminAndRaw = (1n << 12n) | (1n << 13n)
const withBindService = netAdminAndRaw | (1n << 10n)

t.test('every process that stays has only the rights it needs', await requiresKernel(...programs), async (t) => {
  const lab = await openArmedLab(t)
  const before = new Set((await lab.server.processes()).map(({ pid }) => pid))
  for (const firewall of ['iptables-nft', 'iptables-legacy']) {
    t.test(firewall, async (t) => {
      await lab.arm(challenge, '--firewall', firewall)
      const { pid } = await lab.running()
      const ours = (await lab.server.processes()).filter((process) => !before.has(process.pid))
      t.ok(ours.length >= 2, 'the responder, and what keeps it and watches over it')

      const responder = statusOf(pid)
      t.equal(new Set(responder.uids).size, 1)
      t.notOk([0, 65534].includes(responder.uids[0] ?? 0), 'neither root nor nobody')
      t.same(responder.groups, [])
      for (const set of ['CapEff', 'CapPrm'] as const) t.equal(responder[set], withBindService, set)
      for (const set of ['CapBnd', 'CapAmb'] as const) t.equal(responder[set], netAdminAndRaw, set)
      for (const thread of readdirSync(`/proc/${pid}/task`)) {
        const status = statusOf(`${pid}/task/${thread}`)
        t.same(status.uids, responder.uids, `thread ${thread}`)
        t.equal(status.CapEff & ~(thread === String(pid) ? withBindService : netAdminAndRaw), 0n, `thread ${thread}`)
        t.equal(status.isWithoutNewPrivileges, true, `thread ${thread}`)
      }
      t.equal(statusOf(pid).umask, 0o077)

      const withSysAdmin = 1n << 21n
      for (const keeper of ours.filter((process) => process.pid !== pid && process.command.includes('hooks/keep'))) {
        t.equal(statusOf(keeper.pid).isWithoutNewPrivileges, true)
        t.equal(statusOf(keeper.pid).CapBnd & withSysAdmin, 0n, 'root, but not all that root may')
      }

      t.equal(
        await exchange(lab.validator, { address: lab.server.addresses.ipv4 }, challenge.request),
        challenge.reply,
        'it answers all the same',
      )
      await lab.arm(challenge, '--port', '8080')
      t.same((await lab.running()).ports, [8080], 'and changes rules')
      await lab.arm(challengeFor('another, which starts programs that stay'), '--port', '8080')
      const kept = (await lab.server.processes()).filter(({ command }) => / --noflush --verbose /.test(command))
      t.equal(kept.length, 2)
      for (const { pid: program } of kept) {
        const status = statusOf(program)
        t.same([status.uids, status.groups, status.isWithoutNewPrivileges], [responder.uids, [], true])
        for (const set of ['CapEff', 'CapPrm', 'CapBnd', 'CapAmb'] as const) t.equal(status[set], netAdminAndRaw, set)
      }
      await lab.cleanup(challengeFor('another, which starts programs that stay'))
      await lab.cleanup(challenge)
      t.same(await lab.leftovers(), [])
    })
  }

  t.test('with --no-standalone it may not listen on low ports', async (t) => {
    await lab.arm(challenge, '--no-standalone')
    const responder = statusOf((await lab.running()).pid)
    for (const set of ['CapEff', 'CapPrm', 'CapBnd', 'CapAmb'] as const) t.equal(responder[set], netAdminAndRaw, set)
    await lab.cleanup(challenge)
  })

  t.test('--user names another', async (t) => {
    await lab.arm(challenge, '--user', 'daemon')
    t.same(statusOf((await lab.running()).pid).uids, [1, 1, 1, 1])
    await lab.cleanup(challenge)
    t.match(await lab.auth(challenge, '--user', 'no-such-user'), {
      exitCode: 1,
      stderr: /no user "no-such-user".*\n.*bad-option/,
    })
    t.same(await lab.leftovers(), [])
  })
})

/** What /proc says of a process or thread. */
function statusOf(process: number | string) {
  const text = readFileSync(`/proc/${process}/status`, 'utf8')
  const field = (name: string) => new RegExp(`^${name}:[ \\t]*(.*)$`, 'm').exec(text)?.[1]?.trim() ?? ''
  const capabilities = (name: string) => BigInt(`0x${field(name)}`)
  return {
    uids: field('Uid').split(/\s+/).map(Number),
    groups: field('Groups').split(/\s+/).filter(Boolean),
    umask: parseInt(field('Umask'), 8),
    CapEff: capabilities('CapEff'),
    CapPrm: capabilities('CapPrm'),
    CapBnd: capabilities('CapBnd'),
    CapAmb: capabilities('CapAmb'),
    isWithoutNewPrivileges: field('NoNewPrivs') === '1',
  }
}
