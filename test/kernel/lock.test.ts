import { existsSync, mkdirSync, readdirSync, statSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { takeLock } from '../../src/kernel/lock.js'
import { run } from '../../src/lab/run.js'
import { startService } from '../../src/lab/service.js'
import { temporaryDirectory } from '../temporary-directory.js'
import { withBuiltModule } from './built-module.js'

t.test('the second taker is refused until the first lets go', async (t) => {
  const path = join(temporaryDirectory(t), 'lock')
  const first = await takeLock(path)
  t.ok(first)
  t.equal(await takeLock(path), undefined)
  t.equal(await takeLock(path), undefined, 'and being refused frees nothing')
  first?.release()
  const second = await takeLock(path)
  t.ok(second)
  second?.release()
})

t.test('its file is for its owner alone, and is gone after the release', async (t) => {
  const mask = process.umask(0)
  t.teardown(() => process.umask(mask))
  const path = join(temporaryDirectory(t), 'lock')
  const lock = await takeLock(path)
  t.equal(statSync(path).mode & 0o777, 0o600)
  lock?.release()
  t.notOk(existsSync(path))
})

t.test('a file that nobody holds is no obstacle', async (t) => {
  const path = join(temporaryDirectory(t), 'lock')
  writeFileSync(path, '')
  const lock = await takeLock(path)
  t.ok(lock)
  lock?.release()
})

t.test('a link is not followed', async (t) => {
  const directory = temporaryDirectory(t)
  symlinkSync('elsewhere', join(directory, 'lock'))
  await t.rejects(takeLock(join(directory, 'lock')), { code: 'ELOOP' })
  t.strictSame(readdirSync(directory), ['lock'])
})

t.test('another process is refused, and gets it when the holder is killed', async (t) => {
  const path = join(temporaryDirectory(t), 'lock')
  const holder = startService(
    withBuiltModule(
      'kernel/lock.js',
      `await it.takeLock(${JSON.stringify(path)}); show('held'); setInterval(() => {}, 1000)`,
    ),
  )
  t.teardown(() => holder.stop('SIGKILL'))
  await holder.waitForOutput(/held/)
  t.equal(await takeLock(path), undefined)
  await holder.stop('SIGKILL')
  t.ok(existsSync(path), 'its file is still there')
  const lock = await takeLock(path)
  t.ok(lock)
  lock?.release()
})

t.test('a process that the holder starts does not keep the lock', async (t) => {
  const path = join(temporaryDirectory(t), 'lock')
  const lock = await takeLock(path)
  const child = startService(['sleep', '600'])
  t.teardown(() => child.stop())
  lock?.release()
  writeFileSync(path, '')
  const next = await takeLock(path)
  t.ok(next)
  next?.release()
})

t.test('a lock whose file somebody removed is still let go of, without harm to the next one', async (t) => {
  const path = join(temporaryDirectory(t), 'lock')
  const first = await takeLock(path)
  unlinkSync(path)
  t.doesNotThrow(() => first?.release())
  const second = await takeLock(path)
  unlinkSync(path)
  const third = await takeLock(path)
  t.ok(third, 'nobody holds the file that is there')
  t.doesNotThrow(() => second?.release())
  t.equal(await takeLock(path), undefined, 'the file is that of the third, who holds it')
  third?.release()
})

t.test('whoever takes and lets go at the same time, there is never more than one holder', async (t) => {
  const path = join(temporaryDirectory(t), 'lock')
  const inside = `${path}.inside`
  // Who holds the lock makes a directory, which fails if it is there already, and removes it again.
  // No bound on the tries: whoever is starved by the others gets its turns when they are done.
  const body = `
    import { mkdirSync, rmdirSync } from 'node:fs'
    let taken = 0
    while (taken < 300) {
      const lock = await it.takeLock(${JSON.stringify(path)})
      if (!lock) continue
      taken++
      mkdirSync(${JSON.stringify(inside)})
      rmdirSync(${JSON.stringify(inside)})
      lock.release()
    }
    show(taken)`
  const takers = await Promise.all([1, 2, 3].map(() => run(withBuiltModule('kernel/lock.js', body), { reject: false })))
  for (const { exitCode, stdout, stderr } of takers) t.strictSame([exitCode, stdout, stderr], [0, '300\n', ''])
})

t.test('a directory is no lock', async (t) => {
  const path = temporaryDirectory(t)
  mkdirSync(join(path, 'lock'))
  await t.rejects(takeLock(join(path, 'lock')), { code: 'EISDIR' })
})
