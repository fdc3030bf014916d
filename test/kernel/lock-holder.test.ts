import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lockHolders } from '../../src/kernel/lock-holder.js'
import { takeLock } from '../../src/kernel/lock.js'
import { run } from '../../src/lab/run.js'
import { requiresKernel } from '../requires-kernel.js'
import { temporaryDirectory } from '../temporary-directory.js'

t.test('a lock that is held tells its holder, for certain', async (t) => {
  const path = join(temporaryDirectory(t), 'lock')
  t.strictSame(lockHolders(path), [], 'no file')
  writeFileSync(path, '')
  t.strictSame(lockHolders(path), [], 'nobody')
  const lock = await takeLock(path)
  t.strictSame(lockHolders(path), [{ pid: process.pid, isCertain: true }])
  lock?.release()
  t.strictSame(lockHolders(path), [])
})

// Files of different file systems have the same number now and then; those of a tmpfs are small ones.
t.test('who holds a lock on another file of the same number is not certain', await requiresKernel(), async (t) => {
  const directory = temporaryDirectory(t)
  const paths = ['one', 'other'].map((name) => join(directory, name, 'lock'))
  for (const name of ['one', 'other']) mkdirSync(join(directory, name))
  t.teardown(async () => {
    for (const name of ['one', 'other']) await run(['umount', join(directory, name)], { reject: false })
  })
  for (const name of ['one', 'other'])
    await run(['mount', '-t', 'tmpfs', '-o', 'inode64', 'none', join(directory, name)])
  for (const path of paths) writeFileSync(path, '')
  const lock = await takeLock(paths[0] ?? '')
  t.strictSame(
    paths.map((path) => lockHolders(path)),
    [[{ pid: process.pid, isCertain: true }], [{ pid: process.pid, isCertain: false }]],
  )
  lock?.release()
})
