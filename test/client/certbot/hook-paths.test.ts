import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { inspectHookPaths, removeHookPaths, writeHookPaths } from '../../../src/client/certbot/hook-paths.js'
import { installed } from './installed.js'

t.test('each hook path hands its arguments and its environment on', async (t) => {
  const { stable, installation, run } = installed(t)
  t.strictSame(await run('auth', ['--port', '80 81', '']), {
    exitCode: 0,
    stdout: `${installation} auth --port|80 81|`,
    stderr: '',
  })
  t.match(await run('cleanup', []), { stdout: `${installation} cleanup` })
  t.equal(statSync(join(stable, 'auth')).mode & 0o777, 0o755)
  t.strictSame(readdirSync(stable), ['auth', 'cleanup'], 'and nothing else is left there')
})

t.test(
  'an installation that was moved is found by PATH or in a usual place, and one that is gone is said to be',
  async (t) => {
    const { installation, path, run } = installed(t)
    const elsewhere = join(path, 'else where')
    renameSync(installation, elsewhere)
    mkdirSync(join(path, 'bin'))
    symlinkSync(join(elsewhere, 'hooks/certbot-nfq'), join(path, 'bin/certbot-nfq'))
    t.match(await run('auth', ['x'], join(path, 'bin')), { exitCode: 0, stdout: `${elsewhere} auth x` })
    const usual = join(path, 'opt/certbot-nfq')
    mkdirSync(dirname(usual))
    renameSync(elsewhere, usual)
    t.match(await run('auth', ['x'], join(path, 'bin')), { exitCode: 0, stdout: `${usual} auth x` })
    rmSync(usual, { recursive: true })
    const { exitCode, stdout, stderr } = await run('auth', [], join(path, 'bin'))
    t.strictSame([exitCode, stdout], [1, ''])
    t.match(
      stderr,
      /^certbot-nfq: its hooks are not in \/.*\n.*certbot-nfq install.* \[hooks-moved, docs\/errors\.md#hooks-moved\]$/,
    )
  },
)

t.test('an upgrade at the same place needs nothing, and a second install changes nothing', (t) => {
  const { stable, hooks } = installed(t)
  t.strictSame(
    inspectHookPaths(stable, hooks).map(({ state }) => state),
    ['current', 'current'],
  )
  const before = statSync(join(stable, 'auth'))
  writeHookPaths(inspectHookPaths(stable, hooks))
  t.equal(statSync(join(stable, 'auth')).ino, before.ino, 'the same file')
  t.end()
})

t.test('an install from another place, or a changed mode, is put right', (t) => {
  const { stable, hooks, path } = installed(t)
  cpSync(hooks, join(path, 'other'), { recursive: true })
  t.strictSame(
    inspectHookPaths(stable, join(path, 'other')).map(({ state }) => state),
    ['outdated', 'outdated'],
  )
  chmodSync(join(stable, 'auth'), 0o600)
  t.strictSame(
    inspectHookPaths(stable, hooks).map(({ state }) => state),
    ['outdated', 'current'],
  )
  writeHookPaths(inspectHookPaths(stable, hooks))
  t.strictSame(
    inspectHookPaths(stable, hooks).map(({ state }) => state),
    ['current', 'current'],
  )
  t.end()
})

t.test('what is not ours is neither overwritten nor removed', (t) => {
  const { stable, hooks } = installed(t)
  writeFileSync(join(stable, 'auth'), '#!/bin/sh\n# mine\n')
  rmSync(join(stable, 'cleanup'))
  symlinkSync('/bin/true', join(stable, 'cleanup'))
  const found = inspectHookPaths(stable, hooks)
  t.strictSame(
    found.map(({ state }) => state),
    ['foreign', 'foreign'],
  )
  t.throws(() => writeHookPaths(found), { code: 'hook-path-taken' })
  t.strictSame(removeHookPaths(found), [])
  t.equal(readFileSync(join(stable, 'auth'), 'utf8'), '#!/bin/sh\n# mine\n')
  t.end()
})

t.test('removal takes the directory along when nothing else is in it', (t) => {
  const { stable, hooks } = installed(t)
  writeFileSync(join(stable, 'other'), '')
  t.strictSame(removeHookPaths(inspectHookPaths(stable, hooks)), [join(stable, 'auth'), join(stable, 'cleanup')])
  t.strictSame(readdirSync(stable), ['other'])
  writeHookPaths(inspectHookPaths(stable, hooks))
  rmSync(join(stable, 'other'))
  removeHookPaths(inspectHookPaths(stable, hooks))
  t.notOk(existsSync(stable))
  t.strictSame(removeHookPaths(inspectHookPaths(stable, hooks)), [], 'a second time there is nothing')
  t.end()
})

t.test('what cannot be written is said to be that', (t) => {
  const { stable, hooks } = installed(t)
  t.throws(() => writeHookPaths(inspectHookPaths(join(stable, 'auth/below'), hooks)), {
    code: 'install-failed',
    message: /^cannot read .*auth\/below\/auth: ENOTDIR/,
  })
  t.throws(() => inspectHookPaths(stable, join(stable, 'absent')), { code: 'install-failed' })
  t.end()
})
