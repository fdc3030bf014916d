import t from 'tap'
import { requiresKernel } from '../requires-kernel.js'
import { openArmedLab, programs } from './armed-lab.js'
import { challengeFor, requestFor } from './challenge.js'
import { trackInvalid } from './stateful-rules.js'
import { exchange } from './tcp-client.js'

const challenge = challengeFor('port reuse')
const settings = [
  ['without connection tracking', {}],
  // The SYN of the second connection is not queued there: the mark of the first ended with it.
  ['with connection tracking', { prepare: trackInvalid }],
  ['through a port that is published from a container', { container: true }],
] as const

t.test('a client port is used again straight after a challenge', await requiresKernel(...programs), async (t) => {
  for (const [title, options] of settings) {
    t.test(title, async (t) => {
      const lab = await openArmedLab(t, options)
      await lab.arm(challenge)
      for (const version of ['ipv4', 'ipv6'] as const) {
        const target = {
          address: lab.server.addresses[version],
          from: { address: lab.validator.addresses[version], port: 45_678 },
        }
        for (const round of [1, 2, 3])
          t.equal(
            await exchange(lab.validator, target, challenge.request),
            challenge.reply,
            `${version}, round ${round}`,
          )
        const ordinary = await exchange(lab.validator, target, requestFor('GET', '/'))
        t.ok(ordinary.endsWith(lab.webServer.body), `${version}: an ordinary request`)
      }
      t.equal((await lab.cleanup(challenge)).exitCode, 0)
      t.same(await lab.leftovers(), [])
    })
  }
})
