import t from 'tap'
import { waitUntil } from '../../src/lab/wait-until.js'
import { openArmedLab, parentOf, type ArmedLab } from '../scenarios/armed-lab.js'
import { challengeFor } from '../scenarios/challenge.js'
import { testFirewall } from '../scenarios/firewall-suite.js'
import { testLettingGo } from '../scenarios/letting-go.js'
import { trackInvalid } from '../scenarios/stateful-rules.js'
import { exchange } from '../scenarios/tcp-client.js'
import { requiresKernel } from '../requires-kernel.js'

t.test('nft', await requiresKernel('nginx', 'nft'), (t) => testFirewall(t, 'nft'))

t.test('nft: what is nothing to us is let go', await requiresKernel('nginx', 'nft'), async (t) => {
  await t.test('without connection tracking', (t) => testLettingGo(t, 'nft', {}))
  await t.test('with connection tracking', (t) => testLettingGo(t, 'nft', { prepare: trackInvalid }))
})

t.test('nft: its tables go with the responder, whatever ends that', await requiresKernel('nginx', 'nft'), async (t) => {
  const first = challengeFor('nft, before the end')
  const second = challengeFor('nft, after it')
  for (const end of ['the responder alone', 'the responder and what keeps it'] as const) {
    t.test(end, async (t) => {
      const lab = await openArmedLab(t)
      await lab.arm(first, '--firewall', 'nft')
      t.match(await tables(lab), /certbot-nfq-.*\n.*certbot-nfq-/, 'one a family')
      await lab.server.exec(['nft', 'flush', 'ruleset'])
      t.match(await tables(lab), /certbot-nfq-/, 'a flush by others does not touch them')
      const { pid } = await lab.running()
      if (end !== 'the responder alone') process.kill(parentOf(pid), 'SIGKILL')
      process.kill(pid, 'SIGKILL')
      await waitUntil(async () => (await tables(lab)) === '', 'the tables to go')
      t.ok(
        (await exchange(lab.validator, { address: lab.server.addresses.ipv4 }, first.request)).endsWith(
          lab.webServer.body,
        ),
        'the web server has its traffic back',
      )
      await lab.arm(second, '--firewall', 'nft')
      t.equal(await exchange(lab.validator, { address: lab.server.addresses.ipv6 }, second.request), second.reply)
      t.equal((await lab.cleanup(second)).exitCode, 0)
      t.same(await lab.leftovers(), [])
    })
  }
})

async function tables(lab: ArmedLab): Promise<string> {
  return (await lab.server.exec(['nft', 'list', 'tables'])).stdout
}
