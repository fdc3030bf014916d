import { existsSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { lockRunDirectory } from '../../src/responder/lock-run-directory.js'
import { runDirectory } from '../../src/responder/run-directory.js'
import { temporaryDirectory } from '../temporary-directory.js'
import { fakeClock, turns } from './fake-clock.js'

t.test('the directory is made and locked, once', async (t) => {
  const directory = directoryFor(t)
  const lock = await lockRunDirectory(directory)
  t.ok(existsSync(directory.lock))
  t.equal(await lockRunDirectory(directory), undefined)
  lock?.release()
  const next = await lockRunDirectory(directory)
  t.ok(next)
  next?.release()
})

t.test('somebody who sweeps is waited for, a responder is not', async (t) => {
  const directory = directoryFor(t)
  const clock = fakeClock()
  const sweeper = await lockRunDirectory(directory)
  const waiting = lockRunDirectory(directory, 5_000, clock)
  await clock.pass(4_000)
  sweeper?.release()
  await clock.pass(20)
  const lock = await waiting
  t.ok(lock, 'as soon as it is free')
  const impatient = lockRunDirectory(directory, 5_000, clock)
  await clock.pass(5_020)
  t.equal(await impatient, undefined, 'not for ever')
  writeFileSync(directory.socket, '')
  const before = clock.now()
  t.equal(await lockRunDirectory(directory, 5_000, clock), undefined)
  t.equal(clock.now(), before)
  lock?.release()
})

t.test('a directory that goes away in this moment is made once more', async (t) => {
  const directory = directoryFor(t)
  await turns()
  const locking = lockRunDirectory(directory)
  rmdirSync(directory.path)
  const lock = await locking
  t.ok(lock)
  t.ok(existsSync(directory.lock))
  lock?.release()
})

t.test('one that goes away again and again is a failure in the end', async (t) => {
  const directory = directoryFor(t)
  const locking = lockRunDirectory(directory)
  locking.catch(() => undefined)
  // Each try makes it anew before this loop's next turn.
  let removals = 0
  for (let turn = 0; turn < 1_000 && removals < 50; turn++) {
    if (existsSync(directory.path)) {
      rmdirSync(directory.path)
      removals++
    }
    await Promise.resolve()
  }
  t.equal(removals, 10)
  await t.rejects(locking, { code: 'ENOENT' })
})

t.test('what else is wrong with it is said at once', async (t) => {
  const path = join(temporaryDirectory(t), 'run')
  writeFileSync(path, '')
  await t.rejects(lockRunDirectory(runDirectory(path)), { code: 'run-directory' })
})

function directoryFor(t: Test) {
  return runDirectory(join(temporaryDirectory(t), 'run'))
}
