import t from 'tap'
import { requiresKernel } from '../requires-kernel.js'
import { programs, type ArmedLabOptions } from './armed-lab.js'
import { testLettingGo } from './letting-go.js'
import { trackInvalid } from './stateful-rules.js'

const settings: readonly [string, ArmedLabOptions][] = [
  ['with connection tracking', { prepare: trackInvalid }],
  ['through a port that is published from a container', { container: true }],
]

for (const firewall of ['iptables-nft', 'iptables-legacy'] as const) {
  t.test(firewall, await requiresKernel(...programs), async (t) => {
    for (const [title, options] of settings) await t.test(title, (t) => testLettingGo(t, firewall, options))
  })
}
