import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { lookAt, type ProcessLook } from '../../src/kernel/process-look.js'
import { startService } from '../../src/lab/service.js'
import { waitUntil } from '../../src/lab/wait-until.js'
import { temporaryDirectory } from '../temporary-directory.js'

t.test('a process that sleeps has not run from one look to the next', async (t) => {
  const { pid, until } = await node(t, 'setInterval(() => undefined, 1e9)')
  const look = await until(({ state, ran }) => state === 'asleep' && ran === lookAt(pid)?.ran)
  t.match(look, { parent: process.pid, children: [] })
})

t.test('one that wakes up now and then has run', async (t) => {
  const { pid, until } = await node(t, 'setInterval(() => undefined, 20)')
  const before = lookAt(pid)?.ran
  t.ok(await until(({ state, ran }) => state === 'asleep' && ran !== before))
})

t.test('one that is stopped is seen to be, and that it goes on', async (t) => {
  const { pid, until } = await node(t, 'setInterval(() => undefined, 20)')
  process.kill(pid, 'SIGSTOP')
  await until(({ state }) => state === 'stopped')
  process.kill(pid, 'SIGCONT')
  t.ok(await until(({ state }) => state !== 'stopped'))
})

t.test('one that is busy uses the processor', async (t) => {
  const { until } = await node(t, 'setImmediate(() => { for (;;); })')
  t.ok(await until(({ state, processorTime }) => state === 'busy' && processorTime > 0.1))
})

t.test('one whose other thread or child is at work is not asleep', async (t) => {
  const thread = await node(
    t,
    "new (require('worker_threads').Worker)('for (;;);', { eval: true }); setInterval(() => undefined, 1e9)",
  )
  t.ok(await thread.until(({ state }) => state === 'busy'))
  // It ends with its parent, however that ends.
  const parent = await node(
    t,
    "require('child_process').spawn('setpriv', ['--pdeathsig', 'KILL', process.execPath, '-e', 'for (;;);'])",
  )
  t.match(await parent.until(({ state, children }) => state === 'busy' && children.length === 1), {
    children: [Number],
  })
})

t.test('a name may hold anything', async (t) => {
  const sleep = join(temporaryDirectory(t), ') R (x y')
  copyFileSync('/bin/sleep', sleep)
  const service = startService([sleep, '600'])
  t.teardown(() => service.stop())
  await waitUntil(() => lookAt(service.pid)?.state === 'asleep', 'it to sleep')
  t.match(lookAt(service.pid), { parent: process.pid })
})

t.test('of one that has ended nothing is to be seen', async (t) => {
  const service = startService(['true'])
  await service.exited
  t.equal(lookAt(service.pid), undefined)
})

/** A Node that has begun to run the script. */
async function node(t: Test, script: string) {
  const service = startService(['env', '-u', 'NODE_OPTIONS', process.execPath, '-e', `console.log('begun'); ${script}`])
  t.teardown(() => service.stop())
  await service.waitForOutput(/begun/)
  return {
    pid: service.pid,
    until: async (wanted: (look: ProcessLook) => boolean): Promise<ProcessLook> => {
      let look: ProcessLook | undefined
      await waitUntil(() => (look = lookAt(service.pid)) !== undefined && wanted(look), 'such a look', 60_000)
      return look as ProcessLook
    },
  }
}
