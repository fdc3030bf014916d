import t from 'tap'
import { waitUntil } from '../../src/lab/wait-until.js'
import { openArmedLab, programs } from '../scenarios/armed-lab.js'
import { challengeFor } from '../scenarios/challenge.js'
import { standIns } from '../scenarios/stand-ins.js'
import { exchange } from '../scenarios/tcp-client.js'
import { requiresKernel } from '../requires-kernel.js'

const challenge = challengeFor('asked for in the middle of a repair')

/** nft can queue nothing on every kernel: its turn is in test/vm. */
const ways = (
  [
    {
      title: 'nft, tables that nobody owns',
      firewall: 'nft',
      takeAway: 'nft delete table ip6 "$(nft list tables | sed -n "s/^table ip6 \\(certbot-nfq-.*\\)/\\1/p")"',
    },
    { title: 'nft variant of iptables', firewall: 'iptables-nft', takeAway: 'ip6tables-nft -w -t mangle -F INPUT' },
    { title: 'legacy iptables', firewall: 'iptables-legacy', takeAway: 'ip6tables-legacy -w -t mangle -F INPUT' },
  ] as const
).filter(({ firewall }) => (firewall === 'nft') === (process.env['CERTBOT_NFQ_VM'] === '1'))

// Rules of which some were missing were first taken away whole: for the time of some programs both families had none.
t.test(
  'while missing rules are put back, those that are there stay',
  await requiresKernel(...programs, 'nft'),
  async (t) => {
    for (const { title, firewall, takeAway } of ways) {
      t.test(title, async (t) => {
        const variants = ['', '-nft', '-legacy'].flatMap((variant) =>
          ['iptables', 'ip6tables'].flatMap((name) => ['', '-save', '-restore'].map((verb) => name + variant + verb)),
        )
        const stand = standIns(t, 'nft', ...variants)
        const lab = await openArmedLab(t, { path: stand.path })
        t.teardown(() => stand.letAllGo())
        // Without its process nft's tables are nobody's.
        stand.refuse('^nft -i$', 'no conversation')
        await lab.arm(challenge, '--firewall', firewall)
        const repairs = async () => (await lab.running()).counts.rulesRepaired
        const isAnswered = async (address: string, when: string) =>
          t.equal(await exchange(lab.validator, { address }, challenge.request), challenge.reply, when)
        await isAnswered(lab.server.addresses.ipv6, 'before, by IPv6')
        stand.holdAll()
        await lab.server.exec(['sh', '-c', takeAway])
        for (let held; (held = await stand.nextHeld(async () => (await repairs()) === 1)) !== undefined;) {
          await isAnswered(lab.server.addresses.ipv4, `before ${held}`)
          stand.letGo()
          if ((await repairs()) === 1) break
        }
        stand.letAllGo()
        await waitUntil(async () => (await repairs()) === 1, 'the repair')
        for (const address of [lab.server.addresses.ipv4, lab.server.addresses.ipv6])
          await isAnswered(address, `afterwards, at ${address}`)
        t.equal((await lab.cleanup(challenge)).exitCode, 0)
        t.same(await lab.challengesAtWebServer(), [])
        t.same(await lab.leftovers(), [])
      })
    }
  },
)
