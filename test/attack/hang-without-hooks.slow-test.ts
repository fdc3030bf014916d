import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lookAt } from '../../src/kernel/process-look.js'
import { waitUntil } from '../../src/lab/wait-until.js'
import { openArmedLab, parentOf, programs, type ArmedLab } from '../scenarios/armed-lab.js'
import { challengeFor, requestFor } from '../scenarios/challenge.js'
import { connectTcp, exchange } from '../scenarios/tcp-client.js'
import { requiresKernel } from '../requires-kernel.js'
import { openFreezer } from './freezer.js'
import { processorShare } from './processor-share.js'

const challenge = challengeFor('while no hook comes')
const other = challengeFor('of another client')
const silence = { exitCode: 0, stdout: '', stderr: '' }

t.test('while no hook comes, the keeper ends a responder that hangs', await requiresKernel(...programs), async (t) => {
  for (const firewall of ['iptables-nft', 'iptables-legacy']) {
    t.test(
      `one that is stopped: who waits for it gets the web server’s answer, and nothing is left (${firewall})`,
      async (t) => {
        const lab = await openArmedLab(t)
        const log = join(lab.directory, 'log')
        await lab.arm(challenge, '--firewall', firewall, '--log-file', log)
        process.kill((await lab.running()).pid, 'SIGSTOP')
        t.ok(
          (await exchange(lab.validator, { address: lab.server.addresses.ipv4 }, other.request)).endsWith(
            lab.webServer.body,
          ),
        )
        t.same(await lab.leftovers(), [])
        t.match(
          readFileSync(log, 'utf8'),
          / error the responder hung: its keeper has ended it, with all that was armed\n$/,
        )
        t.same(await lab.cleanup(challenge), silence)
      },
    )
  }

  t.test('one that sleeps and does not wake up', async (t) => {
    const lab = await openArmedLab(t)
    const freeze = openFreezer(t)
    if (!freeze) {
      t.plan(0, 'no control group to freeze it in')
      return
    }
    await lab.arm(challenge)
    const { pid } = await lab.running()
    const sleeper = lookAt(pid)
    freeze(pid)
    const client = connectTcp(lab.validator, { address: lab.server.addresses.ipv4 })
    client.write(other.request)
    t.equal(sleeper?.state, 'asleep')
    await waitUntil(() => lookAt(pid) === undefined, 'the keeper to end it', 60_000)
    t.same(await lab.leftovers(), [])
    t.ok(
      (await exchange(lab.validator, { address: lab.server.addresses.ipv4 }, other.request)).endsWith(
        lab.webServer.body,
      ),
    )
  })
})

t.test('a responder that is only slow is left alone', await requiresKernel(...programs), async (t) => {
  t.test('where the whole machine stands still', async (t) => {
    const lab = await openArmedLab(t)
    await lab.arm(challenge)
    const { pid } = await lab.running()
    const group = -parentOf(pid)
    const address = lab.server.addresses.ipv4
    process.kill(group, 'SIGSTOP')
    const client = connectTcp(lab.validator, { address })
    client.write(challenge.request)
    // Longer than the keeper would need.
    await lab.server.exec(['sleep', '20'])
    process.kill(group, 'SIGCONT')
    t.equal(await exchange(lab.validator, { address }, challenge.request), challenge.reply)
    t.equal((await lab.running()).pid, pid)
    t.same(await lab.cleanup(challenge), silence)
    t.same(await lab.leftovers(), [])
  })

  t.test('where it gets a twentieth of a processor, in a flood of candidates, while hooks come and go', async (t) => {
    const lab = await openArmedLab(t)
    const confine = processorShare(t, 5)
    if (!confine) {
      t.plan(0, 'no control group for it')
      return
    }
    await lab.arm(challenge)
    const { pid } = await lab.running()
    confine(pid)
    const flood = startFlood(lab)
    const challenges = [80, 8080, 8081, 8082].map((port) => ({ port, challenge: challengeFor(`slowly ${port}`) }))
    for (const { port, challenge } of challenges)
      t.same(await lab.auth(challenge, '--port', String(port)), silence, `auth for port ${port}`)
    t.equal(await exchange(lab.validator, { address: lab.server.addresses.ipv4 }, challenge.request), challenge.reply)
    for (const { port, challenge } of challenges)
      t.same(await lab.cleanup(challenge), silence, `cleanup for port ${port}`)
    t.equal((await lab.running()).pid, pid, 'it is the same responder')
    await flood.stop()
    t.same(await lab.cleanup(challenge), silence)
    t.same(await lab.leftovers(), [])
  })
})

/** Requests for tokens that nobody has armed, from several clients, one after the other. */
function startFlood(lab: ArmedLab) {
  let isOn = true
  const clients = Array.from({ length: 8 }, async (_, client) => {
    for (let at = 0; isOn; at++)
      await exchange(
        lab.validator,
        { address: lab.server.addresses.ipv4 },
        requestFor('GET', challengeFor(`flood ${client} ${at}`).path),
      ).catch(() => undefined)
  })
  return {
    stop: async () => {
      isOn = false
      await Promise.all(clients)
    },
  }
}
