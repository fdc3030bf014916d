import t from 'tap'
import { waitUntil } from '../../src/lab/wait-until.js'
import { openArmedLab, programs } from '../scenarios/armed-lab.js'
import { challengeFor } from '../scenarios/challenge.js'
import { standIns } from '../scenarios/stand-ins.js'
import { requiresKernel } from '../requires-kernel.js'

const challenge = challengeFor('rules that cannot be listed')

/** nft can queue nothing on every kernel: its turn is in test/vm. */
const ways = (
  [
    { firewall: 'nft', list: '^nft .*list' },
    { firewall: 'iptables-nft', list: '^ip6tables-nft-save' },
  ] as const
).filter(({ firewall }) => (firewall === 'nft') === (process.env['CERTBOT_NFQ_VM'] === '1'))

// A listing that failed counted as a change: rules that were all there were taken away and put back.
t.test('rules that cannot be looked at are left as they are', await requiresKernel(...programs, 'nft'), async (t) => {
  for (const { firewall, list } of ways) {
    t.test(firewall, async (t) => {
      const stand = standIns(t, 'nft', 'ip6tables-nft-save')
      const lab = await openArmedLab(t, { path: stand.path })
      await lab.arm(challenge, '--firewall', firewall)
      const changes = lab.server.spawn(['nft', 'monitor'])
      const log = async () => (await lab.running()).log
      const looks = () => stand.commands().filter((command) => new RegExp(list).test(command)).length
      stand.refuse(list, 'Error: Could not receive tables from kernel: Interrupted system call')
      const before = looks()
      await waitUntil(() => looks() >= before + 2, 'a look')
      await waitUntil(
        async () =>
          (await log()).some((line) => /warning .*cannot be seen whether .*Interrupted system call/.test(line)),
        'the log to say so',
      )
      stand.refuse(undefined)
      const then = looks()
      await waitUntil(() => looks() > then + 1, 'a look that works')
      t.equal((await lab.running()).counts.rulesRepaired, 0)
      t.equal((await log()).filter((line) => line.includes('cannot be seen')).length, 1, 'said once')
      t.notMatch((await log()).join('\n'), /changed by another program/)
      // What the kernel has told until now: an answered table of our own is the mark that all of it is there.
      await lab.server.exec(['nft', 'add', 'table', 'ip', 'all-told'])
      await changes.waitForOutput(/table ip all-told/)
      t.equal(
        changes
          .output()
          .split('\n')
          .filter((line) => /^(?:add|delete) /.test(line) && !line.includes('all-told'))
          .join('\n'),
        '',
      )
      await lab.server.exec(['nft', 'delete', 'table', 'ip', 'all-told'])
      await changes.stop()
      t.equal((await lab.cleanup(challenge)).exitCode, 0)
      t.same(await lab.leftovers(), [])
    })
  }
})

// It was made in the turn of those who arm and disarm, and every three seconds there was another.
t.test('a cleanup does not wait for a listing that hangs', await requiresKernel(...programs, 'nft'), async (t) => {
  for (const { firewall } of ways) {
    t.test(firewall, async (t) => {
      const stand = standIns(t, firewall === 'nft' ? 'nft' : 'ip6tables-nft-save')
      t.teardown(() => stand.letAllGo())
      const lab = await openArmedLab(t, { path: stand.path })
      const service = await lab.serve('--firewall', firewall)
      await lab.arm(challenge)
      stand.holdAll()
      t.match(await stand.nextHeld(async () => false), /list|save/)
      t.equal((await lab.cleanup(challenge)).exitCode, 0)
      t.notMatch((await lab.running()).log.join('\n'), 'cannot be seen', 'the listing has not ended meanwhile')
      t.notOk((await lab.running()).firewall)
      stand.letAllGo()
      await service.stop()
      t.same(await lab.leftovers(), [])
    })
  }
})
