import t from 'tap'
import type { Test } from 'tap'
import { requiresKernel } from '../requires-kernel.js'
import { snapshotRules } from '../../src/lab/rules.js'
import { waitUntil } from '../../src/lab/wait-until.js'
import { openArmedLab, parentOf, programs, type ArmedLab } from './armed-lab.js'
import { challengeFor, requestFor } from './challenge.js'
import { trackInvalid } from './stateful-rules.js'
import { connectTcp, exchange } from './tcp-client.js'

const first = challengeFor('before the crash')
const second = challengeFor('after the crash')

t.test('a responder that dies leaves nobody in the dark', await requiresKernel(...programs), async (t) => {
  for (const firewall of ['iptables-nft', 'iptables-legacy']) {
    t.test(`killed: ordinary traffic flows on, and the next auth sweeps and works (${firewall})`, async (t) => {
      const lab = await openArmedLab(t, { prepare: trackInvalid })
      const before = await snapshotRules(lab.server)
      await lab.arm(first, '--firewall', firewall)
      const rules = await snapshotRules(lab.server)
      const client = connectTcp(lab.validator, { address: lab.server.addresses.ipv4 })
      client.write(first.request.slice(0, 60))
      await client.acknowledged()
      await kill(lab)

      t.equal(await snapshotRules(lab.server), rules, 'its rules are still there')
      await checkOrdinary(t, lab)
      client.write(first.request.slice(60))
      t.ok(
        (await client.ended).endsWith(lab.webServer.body),
        'even a connection whose request it had seen the start of is the web server’s',
      )
      await client.close()
      await lab.arm(second, '--firewall', firewall)
      t.same(
        (await lab.running()).challenges.map(({ token }) => token),
        [second.token],
      )
      for (const address of [lab.server.addresses.ipv4, lab.server.addresses.ipv6])
        t.equal(await exchange(lab.validator, { address }, second.request), second.reply)
      t.equal((await lab.cleanup(second)).exitCode, 0)
      t.equal(await snapshotRules(lab.server), before)
      t.same(await lab.leftovers(), [])
    })

    t.test(`killed: a cleanup alone sweeps (${firewall})`, async (t) => {
      const lab = await openArmedLab(t)
      await lab.arm(first, '--firewall', firewall)
      await kill(lab)
      t.same(await lab.cleanup(first), { exitCode: 0, stdout: '', stderr: '' })
      t.same(await lab.leftovers(), [])
      await checkOrdinary(t, lab)
    })
  }

  for (const firewall of ['iptables-nft', 'iptables-legacy']) {
    t.test(`killed alone, what keeps it clears up after it at once (${firewall})`, async (t) => {
      const lab = await openArmedLab(t)
      await lab.arm(first, '--firewall', firewall)
      process.kill((await lab.running()).pid, 'SIGKILL')
      t.same(await lab.leftovers(), [])
      await checkOrdinary(t, lab)
      t.same(await lab.cleanup(first), { exitCode: 0, stdout: '', stderr: '' })
    })
  }

  t.test('killed: the next auth may use the other variant of iptables', async (t) => {
    const lab = await openArmedLab(t)
    await lab.arm(first, '--firewall', 'iptables-legacy')
    await kill(lab)
    await lab.arm(second, '--firewall', 'iptables-nft')
    t.equal(await exchange(lab.validator, { address: lab.server.addresses.ipv4 }, second.request), second.reply)
    t.equal((await lab.cleanup(second)).exitCode, 0)
    t.same(await lab.leftovers(), [])
  })

  t.test(
    'killed while it holds a connection: the client is told by the server’s kernel, not left to wait',
    async (t) => {
      const lab = await openArmedLab(t)
      await lab.arm(first)
      const client = connectTcp(lab.validator, { address: lab.server.addresses.ipv4 })
      client.write(first.request.slice(0, -2))
      await client.acknowledged()
      await kill(lab)
      client.write('\r\n')
      await t.rejects(client.ended, { code: 'ECONNRESET' })
      t.equal((await lab.cleanup(first)).exitCode, 0)
      t.same(await lab.leftovers(), [])
    },
  )

  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    t.test(`${signal} ends a responder that hooks have started, rules first`, async (t) => {
      const lab = await openArmedLab(t)
      await lab.arm(first)
      process.kill((await lab.running()).pid, signal)
      t.same(await lab.leftovers(), [])
      await checkOrdinary(t, lab)
      t.same(
        await lab.cleanup(first),
        { exitCode: 0, stdout: '', stderr: '' },
        'a cleanup hook that comes too late has nothing to say',
      )
    })
  }

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    t.test(`${signal} ends a responder in the foreground, rules first`, async (t) => {
      const lab = await openArmedLab(t)
      const responder = await lab.serve()
      await lab.arm(first)
      t.not((await lab.running()).pid, responder.pid, 'it is a child of the command')
      t.same(
        (await lab.running()).challenges.map(({ token }) => token),
        [first.token],
        'the hook found it',
      )
      t.equal(await exchange(lab.validator, { address: lab.server.addresses.ipv4 }, first.request), first.reply)
      await responder.stop(signal)
      t.equal((await responder.exited).exitCode, 0)
      t.same(await lab.leftovers(), [])
    })
  }
})

/** Ends the responder as the kernel does when memory is short. */
/** The responder and what keeps it, as systemd ends a whole control group. */
async function kill(lab: ArmedLab): Promise<void> {
  const { pid } = await lab.running()
  process.kill(parentOf(pid), 'SIGKILL')
  process.kill(pid, 'SIGKILL')
  await waitUntil(
    async () => !(await lab.server.processes()).some((process) => process.pid === pid),
    'the responder to be gone',
  )
}

async function checkOrdinary(t: Test, lab: ArmedLab): Promise<void> {
  for (const address of [lab.server.addresses.ipv4, lab.server.addresses.ipv6]) {
    const answer = await exchange(lab.validator, { address }, requestFor('GET', '/'))
    t.ok(answer.endsWith(lab.webServer.body), `an ordinary request to ${address}`)
    const unanswered = await exchange(lab.validator, { address }, first.request)
    t.ok(unanswered.endsWith(lab.webServer.body), `a challenge to ${address} is the web server’s now`)
  }
}
