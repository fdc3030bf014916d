import t from 'tap'
import { inRepository } from '../../src/lab/repository.js'
import { waitUntil } from '../../src/lab/wait-until.js'
import { openArmedLab, programs } from '../scenarios/armed-lab.js'
import { challengeFor } from '../scenarios/challenge.js'
import { exchange } from '../scenarios/tcp-client.js'
import { requiresKernel } from '../requires-kernel.js'

const challenge = challengeFor('a log that nobody reads')

// Each line that could not be written was a fault, which was logged, and so on for ever. No packet was answered.
t.test('a responder whose log nobody reads any more goes on', await requiresKernel(...programs), async (t) => {
  const lab = await openArmedLab(t)
  const serve = ['serve', '--run-dir', lab.runDirectory]
  const service = lab.server.spawn([
    'sh',
    '-c',
    '"$@" 2>&1 | head -n 1',
    'sh',
    inRepository('hooks/certbot-nfq'),
    ...serve,
  ])
  await service.waitForOutput(/ info listening in /)
  await waitUntil(
    async () => !(await lab.server.processes()).some(({ command }) => command.startsWith('head ')),
    'the reader to end',
  )
  await lab.arm(challenge)
  for (const address of [lab.server.addresses.ipv4, lab.server.addresses.ipv6]) {
    t.equal(await exchange(lab.validator, { address }, challenge.request), challenge.reply, address)
  }
  t.match(await lab.cleanup(challenge), { exitCode: 0, stdout: '', stderr: '' })
  const { log } = await lab.running()
  t.notMatch(log.join('\n'), /fault/)
  const stop = [inRepository('hooks/certbot-nfq'), 'stop', '--run-dir', lab.runDirectory]
  await t.resolves(lab.server.exec(stop))
  t.same(await lab.leftovers(), [])
})
