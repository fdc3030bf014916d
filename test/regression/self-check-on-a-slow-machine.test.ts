import { join } from 'node:path'
import t from 'tap'
import { request } from '../../src/control/client.js'
import type { SelfCheckOrder } from '../../src/control/self-check-order.js'
import type { Service } from '../../src/lab/lab.js'
import { inRepository } from '../../src/lab/repository.js'
import { openArmedLab, parentOf, programs, type ArmedLab } from '../scenarios/armed-lab.js'
import { challengeFor } from '../scenarios/challenge.js'
import { standIns } from '../scenarios/stand-ins.js'
import { harden } from '../scenarios/stateful-rules.js'
import { exchange } from '../scenarios/tcp-client.js'
import { requiresKernel } from '../requires-kernel.js'

const challenge = challengeFor('self-check on a slow machine')
const silence = { exitCode: 0, stdout: '', stderr: '' }

// With both cores busy a third of the checks warned, while every validation passed.
t.test('a self-check takes a slow machine for no fault', await requiresKernel(...programs), async (t) => {
  t.test('a responder that stands still while it is asked', async (t) => {
    const lab = await openArmedLab(t)
    const service = await lab.serve()
    const order = await armForCheck(lab)
    const { pid } = await lab.running()
    // With its keeper, which takes it for one that hangs otherwise: so it is where the whole machine stands still.
    const group = -parentOf(pid)
    process.kill(group, 'SIGSTOP')
    const check = startCheck(lab, order)
    // It has waited for long by then, and nothing has come.
    await check.waitForOutput(/^report$/m)
    process.kill(group, 'SIGCONT')
    t.match(await check.waitForOutput(/^warning: (.*)$/m), ['warning: undefined'])
    await check.exited
    t.equal((await lab.running()).counts.takenOver, 2, 'one by each family')
    t.same(await lab.cleanup(challenge), silence)
    await service.stop()
    t.same(await lab.leftovers(), [])
  })

  t.test('a hook that comes late to its request: the token is served as long as its challenge', async (t) => {
    const lab = await openArmedLab(t)
    const service = await lab.serve()
    const { token, keyAuthorization } = await armForCheck(lab)
    const ask = () =>
      exchange(lab.validator, { address: lab.server.addresses.ipv4 }, challenge.request.replace(challenge.token, token))
    t.ok((await ask()).endsWith(`\r\n\r\n${keyAuthorization}`))
    t.same(await lab.cleanup(challenge), silence)
    t.notMatch(await ask(), keyAuthorization)
    await service.stop()
    t.same(await lab.leftovers(), [])
  })

  t.test('a client from outside that takes its time to start', async (t) => {
    const stand = standIns(t, 'unshare')
    stand.slow(3)
    const lab = await openArmedLab(t, { selfCheck: true, path: stand.path, prepare: harden })
    t.same(await lab.auth(challenge), silence)
    t.match(stand.commands(), [/^unshare --net /])
    const { log } = await lab.running()
    t.equal(log.filter((line) => / \S+-self-check taken over: /.test(line)).length, 2)
    t.same(await lab.cleanup(challenge), silence)
    t.same(await lab.leftovers(), [])
  })
})

/** Arms as an auth hook does, in the responder that runs. Returns the order of a self-check. */
async function armForCheck(lab: ArmedLab): Promise<SelfCheckOrder> {
  const { token, keyAuthorization } = challenge
  const response = await request(join(lab.runDirectory, 'control'), {
    op: 'arm',
    token,
    keyAuthorization,
    identifier: 'example.com',
    port: 80,
    ttl: 600,
    selfCheck: true,
  })
  if (typeof response === 'string' || !response.check) throw new Error('no order')
  return response.check
}

/**
 * Makes the check of an auth hook; says `report` before it asks what the responder has seen, and in the end its
 * warning.
 */
function startCheck(lab: ArmedLab, order: SelfCheckOrder): Service {
  const program = `
    import { request } from ${JSON.stringify(inRepository('dist/control/client.js'))}
    import { selfCheck } from ${JSON.stringify(inRepository('dist/diagnosis/self-check/self-check.js'))}
    const order = ${JSON.stringify(order)}
    const warning = await selfCheck(order, async () => {
      console.log('report')
      return (await request(${JSON.stringify(join(lab.runDirectory, 'control'))}, { op: 'disarm', token: order.token })).seen
    })
    console.log('warning: ' + warning)`
  return lab.server.spawn([process.execPath, '--input-type=module', '--eval', program])
}
