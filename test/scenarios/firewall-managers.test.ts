import t from 'tap'
import type { Test } from 'tap'
import type { ResponderStatus } from '../../src/control/responder-status.js'
import type { Lab, Namespace } from '../../src/lab/lab.js'
import { snapshotRules } from '../../src/lab/rules.js'
import { waitUntil } from '../../src/lab/wait-until.js'
import { requiresKernel } from '../requires-kernel.js'
import { openArmedLab, programs, type ArmedLab } from './armed-lab.js'
import { challengeFor } from './challenge.js'
import { requiresManager, startFirewalld, startUfw, type RunBeside } from './firewall-manager.js'
import { standIns } from './stand-ins.js'
import { trackInvalid } from './stateful-rules.js'
import { exchange } from './tcp-client.js'

const challenge = challengeFor('firewall managers')

t.test('rules that others take away are put back', await requiresKernel(...programs, 'nft'), async (t) => {
  for (const variant of ['nft', 'legacy'] as const) {
    for (const isTracked of [false, true]) {
      t.test(`by iptables-${variant}, ${isTracked ? 'tracked' : 'untracked'}`, async (t) => {
        const onBoth = async (server: Namespace, [verb = '', ...words]: readonly string[], input = '') => {
          for (const program of ['iptables', 'ip6tables'])
            await server.exec([`${program}-${variant}${verb}`, ...words], { input })
        }
        const inMangle = (server: Namespace) => onBoth(server, ['-restore', '--noflush', '-w'], theirRules)
        const inFilter = async (server: Namespace) => {
          if (isTracked) await trackInvalid(server)
        }
        const lab = await openArmedLab(t, { prepare: (server) => inMangle(server).then(() => inFilter(server)) })
        const { server } = lab
        await lab.arm(challenge, '--firewall', `iptables-${variant}`)
        t.same((await lab.running()).firewall?.tracked, isTracked ? [4, 6] : [])

        await staysAnswered(t, lab, 'iptables -F', async () => {
          await onBoth(server, ['', '-w', '-F'])
        })
        // The two variants have a filter table each.
        if (variant === 'nft') await inFilter(server)
        await isPutBack(t, lab, 'iptables -t mangle -F', async () => {
          await onBoth(server, ['', '-w', '-t', 'mangle', '-F'])
          await inMangle(server)
        })
        await isPutBack(t, lab, 'iptables -t mangle -F; iptables -t mangle -X', async () => {
          await onBoth(server, ['', '-w', '-t', 'mangle', '-F'])
          await onBoth(server, ['', '-w', '-t', 'mangle', '-X'])
          await inMangle(server)
        })
        await isPutBack(t, lab, 'the jump alone, of one family', async () => {
          await server.exec([`ip6tables-${variant}`, '-w', '-t', 'mangle', '-D', 'INPUT', '1'])
        })
        await isPutBack(t, lab, 'a rule before the jump that accepts the request', async () => {
          await onBoth(server, ['', '-w', '-t', 'mangle', '-I', 'INPUT', '1', ...theirException])
          await waitUntil(
            async () => (await jumpComesFirst(server, variant)).every(Boolean),
            'the jump to be the first rule again',
          )
          await onBoth(server, ['', '-w', '-t', 'mangle', '-D', 'INPUT', ...theirException])
        })
        await (variant === 'nft' ? isPutBack : staysAnswered)(t, lab, 'nft flush ruleset', async () => {
          await server.exec(['nft', 'flush', 'ruleset'])
          if (variant === 'nft') await inMangle(server)
          await inFilter(server)
        })
        t.equal((await lab.cleanup(challenge)).exitCode, 0)
        t.same(await lab.leftovers(), [])
      })
    }
  }

  t.test('where they cannot be put back it says so, and goes on trying', async (t) => {
    const stand = standIns(t, 'ip6tables-restore')
    const lab = await openArmedLab(t, { path: stand.path })
    await lab.arm(challenge, '--firewall', 'iptables')
    stand.refuse('.', 'Resource temporarily unavailable')
    await lab.server.exec(['ip6tables', '-w', '-t', 'mangle', '-F'])
    await waitUntil(
      async () => (await lab.running()).log.some((line) => / error the rules are not all there: /.test(line)),
      'the log to say so',
    )
    t.equal((await lab.running()).counts.rulesRepaired, 0)
    stand.refuse(undefined)
    await waitUntil(async () => (await lab.running()).counts.rulesRepaired === 1, 'the rules to be back')
    await isAnswered(t, lab, 'put back')
    t.equal((await lab.cleanup(challenge)).exitCode, 0)
    t.same(await lab.leftovers(), [])
  })
})

t.test('ufw reload', await requiresManager('ufw'), async (t) => {
  for (const managesBuiltins of [false, true]) {
    t.test(
      managesBuiltins ? 'flushes every table where it manages the built-in chains' : 'leaves our table alone',
      async (t) => {
        const { lab, beside, isLeftAsFound } = await openManagedLab(t, (lab) => startUfw(lab, managesBuiltins))
        const reload = () => beside(['ufw', 'reload'])
        await (managesBuiltins ? isPutBack : staysAnswered)(t, lab, 'ufw reload', reload)
        await isLeftAsFound()
      },
    )
  }
})

t.test('firewall-cmd --reload', await requiresManager('firewalld', 'firewall-cmd', 'dbus-daemon'), async (t) => {
  for (const backEnd of ['nftables', 'iptables'] as const) {
    t.test(`with the ${backEnd} back end`, async (t) => {
      const { lab, beside, isLeftAsFound } = await openManagedLab(t, (lab) => startFirewalld(lab, backEnd))
      await isPutBack(t, lab, 'firewall-cmd --reload', () => beside(['firewall-cmd', '--reload']))
      await isLeftAsFound()
    })
  }
})

const theirRules = '*mangle\n:THEIRS - [0:0]\n-A THEIRS -j RETURN\n-A INPUT -p udp -j THEIRS\nCOMMIT\n'

const theirException = ['-p', 'tcp', '--dport', '80', '-j', 'ACCEPT']

/** Whether our jump stands before all other rules of INPUT, for each IP version. */
async function jumpComesFirst(server: Namespace, variant: string): Promise<boolean[]> {
  const first = async (program: string) => {
    const { stdout } = await server.exec([`${program}-${variant}`, '-w', '-t', 'mangle', '-S', 'INPUT', '1'])
    return stdout.includes('-j CERTBOT-NFQ-')
  }
  return Promise.all(['iptables', 'ip6tables'].map(first))
}

/** Armed with a manager in charge, which is ready before the lab's state counts as "before". */
async function openManagedLab(t: Test, start: (lab: Lab) => Promise<RunBeside>) {
  const managers: RunBeside[] = []
  const lab = await openArmedLab(t, { prepare: async (_, lab) => void managers.push(await start(lab)) })
  const [beside] = managers
  if (!beside) throw new Error('no manager was started')
  const before = await listRules(lab)
  await lab.arm(challenge, '--firewall', 'iptables-nft')
  t.same((await lab.running()).firewall?.tracked, [4, 6], 'what the manager tracks is seen')
  await isAnswered(t, lab, 'before')
  const isLeftAsFound = async () => {
    t.equal((await lab.cleanup(challenge)).exitCode, 0)
    t.same(
      (await lab.leftovers()).filter((left) => !left.startsWith('rules were')),
      [],
    )
    // A reload makes the same rules, but in another order.
    t.same(await listRules(lab), before)
  }
  return { lab, beside, isLeftAsFound }
}

/** Removes rules by a task, and checks that soon all of them are back: ours as they were, and those of others. */
async function isPutBack(t: Test, lab: ArmedLab, what: string, takeAway: () => Promise<unknown>): Promise<void> {
  const rules = await listRules(lab)
  const before = await lab.running()
  await takeAway()
  await waitUntil(async () => repairs(await lab.running()) > repairs(before), `a repair after ${what}`)
  // A reload takes a while, and removes once more what was put back in the middle of it.
  await waitUntil(async () => (await listRules(lab)).join() === rules.join(), 'all rules').catch(() => undefined)
  t.same(await listRules(lab), rules, `${what}: all rules are back`)
  const [newest = ''] = before.log.slice(-1)
  t.ok(
    (await lab.running()).log.some(
      (line) => line > newest && line.endsWith(' warning the rules were changed by another program; putting them back'),
    ),
    `${what}: the log says so`,
  )
  await isAnswered(t, lab, what)
}

/** Does what leaves our rules alone, and checks that. */
async function staysAnswered(t: Test, lab: ArmedLab, what: string, change: () => Promise<unknown>): Promise<void> {
  const ours = async () => (await listRules(lab)).filter((line) => /certbot-nfq/i.test(line))
  const before = await ours()
  await change()
  t.same(await ours(), before, `${what}: none of ours is missing`)
  await isAnswered(t, lab, what)
}

async function isAnswered(t: Test, lab: ArmedLab, when: string): Promise<void> {
  for (const address of [lab.server.addresses.ipv4, lab.server.addresses.ipv6]) {
    t.equal(
      await exchange(lab.validator, { address }, challenge.request),
      challenge.reply,
      `${when}: a challenge to ${address} is answered`,
    )
  }
}

/** In an order of its own: nft prints chains in the order they were made in. */
async function listRules(lab: ArmedLab): Promise<string[]> {
  return (await snapshotRules(lab.server))
    .split('\n')
    .filter((line) => line !== '')
    .sort()
}

function repairs({ counts }: ResponderStatus): number {
  return counts.rulesRepaired ?? NaN
}
