import t from 'tap'
import { openArmedLab } from '../scenarios/armed-lab.js'
import { challengeFor } from '../scenarios/challenge.js'
import { requiresManager, startFirewalld, type RunBeside } from '../scenarios/firewall-manager.js'
import { exchange } from '../scenarios/tcp-client.js'

const challenge = challengeFor('nft beside a firewall manager')

// ufw knows nothing but iptables, and `nft flush ruleset` is in nft.vm-test.ts.
t.test(
  'nft: firewall-cmd --reload does not touch our tables',
  await requiresManager('nft', 'firewalld', 'firewall-cmd', 'dbus-daemon'),
  async (t) => {
    const started: RunBeside[] = []
    const lab = await openArmedLab(t, {
      prepare: async (_, lab) => void started.push(await startFirewalld(lab, 'nftables')),
    })
    await lab.arm(challenge, '--firewall', 'nft')
    const ourTables = async () =>
      (await lab.server.exec(['nft', 'list', 'tables'])).stdout
        .split('\n')
        .filter((line) => line.includes('certbot-nfq-'))
        .sort()
    const before = await ourTables()
    t.equal(before.length, 2, 'one a family')
    for (const beside of started) t.equal((await beside(['firewall-cmd', '--reload'])).exitCode, 0)
    t.same(await ourTables(), before)
    for (const address of [lab.server.addresses.ipv4, lab.server.addresses.ipv6]) {
      t.equal(
        await exchange(lab.validator, { address }, challenge.request),
        challenge.reply,
        `a challenge to ${address} is answered`,
      )
    }
    t.equal((await lab.running()).counts.rulesRepaired, 0)
    t.equal((await lab.cleanup(challenge)).exitCode, 0)
    t.same(await ourTables(), [])
  },
)
