import { join } from 'node:path'
import t from 'tap'
import { inRepository } from '../../src/lab/repository.js'
import { takeLock } from '../../src/kernel/lock.js'
import { waitUntil } from '../../src/lab/wait-until.js'
import { requiresKernel } from '../requires-kernel.js'
import { openArmedLab, programs } from '../scenarios/armed-lab.js'

// The keeper of a start that failed looks for leftovers, with the lock; a `serve` in that moment said that a responder
// was there.
t.test(
  'serve waits for who sweeps, and says that a responder is there only when one is',
  await requiresKernel(...programs),
  async (t) => {
    const lab = await openArmedLab(t)
    await lab.server.exec(['mkdir', '-m', '700', lab.runDirectory])
    const lock = await takeLock(join(lab.runDirectory, 'lock'))
    const service = lab.server.spawn([inRepository('hooks/certbot-nfq'), 'serve', '--run-dir', lab.runDirectory])
    const responder = async () =>
      (await lab.server.processes()).some(({ command }) => command.includes('responder.cjs foreground'))
    await waitUntil(responder, 'the responder to start')
    lock?.release()
    await service.waitForOutput(/ info listening in /)
    const second = await lab.server.exec([inRepository('hooks/certbot-nfq'), 'serve', '--run-dir', lab.runDirectory], {
      reject: false,
    })
    t.match(second, { exitCode: 1, stderr: /a responder serves .* already/ })
    await service.stop()
    t.same(await lab.leftovers(), [])
  },
)
