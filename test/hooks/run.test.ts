import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import t from 'tap'
import { inRepository } from '../../src/lab/repository.js'
import { temporaryDirectory } from '../temporary-directory.js'
import { hooks, makeClone, programOf } from './clone.js'

t.test('each hook runs its program with the arguments it was given', async (t) => {
  const clone = makeClone(t)
  t.strictSame(await clone.run('auth', ['--port', '80 81', '', '*']), {
    node: 'real',
    program: programOf('auth'),
    argv: ['auth', '--port', '80 81', '', '*'],
  })
  t.strictSame(await clone.run('cleanup', ['--verbose']), {
    node: 'real',
    program: programOf('cleanup'),
    argv: ['cleanup', '--verbose'],
  })
  t.strictSame(await clone.run('certbot-nfq', ['status']), {
    node: 'real',
    program: programOf('certbot-nfq'),
    argv: ['status'],
  })
})

t.test('the exit status, the standard streams and the process are those of the program', async (t) => {
  const clone = makeClone(t)
  writeFileSync(
    join(clone.path, 'dist', programOf('auth')),
    'process.stdin.pipe(process.stdout); console.error(process.pid); process.exitCode = 7',
  )
  const hook = execa('env', ['-i', join(clone.path, 'hooks/auth')], { reject: false, input: 'through' })
  const { exitCode, stdout, stderr } = await hook
  t.strictSame([exitCode, stdout, stderr], [7, 'through', String(hook.pid)])
})

t.test('the order is: the variable, the Node of the build, PATH, the usual places', async (t) => {
  const clone = makeClone(t)
  const places = [
    'usr/local/bin/node',
    'usr/bin/node',
    'opt/node-v22/bin/node',
    'opt/nodejs/bin/node',
    'home-of-user/.nvm/versions/node/v22.1.0/bin/node',
    'root/.nvm/versions/node/v22.1.0/bin/node',
  ]
  for (const place of places) clone.addNode(place)
  clone.addNode('in-path/node')
  clone.addNode('by-variable/node')
  clone.addNode('of-build/node')
  writeFileSync(join(clone.path, 'dist/node'), `${join(clone.path, 'of-build/node')}\n`)
  const env = {
    PATH: `${join(clone.path, 'in-path')}:${process.env['PATH'] ?? ''}`,
    HOME: join(clone.path, 'home-of-user'),
    CERTBOT_NFQ_NODE: join(clone.path, 'by-variable/node'),
  }
  t.equal((await clone.run('auth', [], env)).node, 'by-variable/node')
  t.equal(
    (await clone.run('auth', [], { ...env, CERTBOT_NFQ_NODE: '' })).node,
    'of-build/node',
    'an empty variable is none',
  )
  rmSync(join(clone.path, 'of-build/node'))
  t.equal((await clone.run('auth', [], { ...env, CERTBOT_NFQ_NODE: '' })).node, 'in-path/node')
  const short = { PATH: clone.coreutils, HOME: env.HOME }
  for (const place of places) {
    t.equal((await clone.run('auth', [], short)).node, place)
    rmSync(join(clone.path, place))
  }
  t.match(
    await clone.fail('auth', [], short),
    /^certbot-nfq: no Node of version 20\.19 or later found: .*\n.*CERTBOT_NFQ_NODE.* \[node-missing, \/.+\/docs\/errors\.md#node-missing\]$/,
  )
})

t.test('a Node that is too old, or none, is passed over', async (t) => {
  const clone = makeClone(t)
  rmSync(join(clone.path, 'dist/node'))
  mkdirSync(join(clone.path, 'usr/local/bin/node'), { recursive: true })
  clone.addNode('usr/bin/node', '20.18.3')
  clone.addNode('opt/node-v18/bin/node', '18.20.8')
  clone.addNode('opt/node-v9/bin/node', '9.11.2')
  for (const version of ['20.19.0', '21.0.0', '22.1.0', '100.0.0']) {
    clone.addNode('opt/nodejs/bin/node', version)
    t.equal((await clone.run('auth', [], { PATH: clone.coreutils })).node, 'opt/nodejs/bin/node', version)
  }
  clone.addNode('opt/nodejs/bin/node', '20.18.99')
  await clone.fail('auth', [], { PATH: clone.coreutils })
  chmodSync(join(clone.path, 'opt/nodejs/bin/node'), 0o644)
  await clone.fail('auth', [], { PATH: clone.coreutils })
})

t.test('a variable that names no good Node is an error, whatever else there is', async (t) => {
  const clone = makeClone(t)
  clone.addNode('old/node', '20.18.3')
  writeFileSync(join(clone.path, 'text'), 'no program')
  for (const node of [
    join(clone.path, 'old/node'),
    join(clone.path, 'absent'),
    join(clone.path, 'text'),
    clone.path,
    'node',
    '/bin/false',
  ]) {
    const stderr = await clone.fail('auth', [], { PATH: process.env['PATH'] ?? '', CERTBOT_NFQ_NODE: node })
    t.equal(
      stderr,
      `certbot-nfq: CERTBOT_NFQ_NODE=${node} is not a Node of version 20.19 or later.\nSet it to the path of one, or unset it. [node-missing, ${realpathSync(clone.path)}/docs/errors.md#node-missing]`,
    )
  }
})

t.test('what the environment has for every Node is not for this one', async (t) => {
  const clone = makeClone(t)
  const env = { PATH: clone.coreutils, NODE_OPTIONS: '--require=/not/there' }
  t.equal((await clone.run('auth', [], env)).node, 'real')
  clone.addNode('by-variable/node')
  t.equal(
    (await clone.run('auth', [], { ...env, CERTBOT_NFQ_NODE: join(clone.path, 'by-variable/node') })).node,
    'by-variable/node',
  )
})

t.test('an empty environment will do', async (t) => {
  const clone = makeClone(t)
  t.match(await clone.run('auth', ['x'], {}), { node: 'real', argv: ['auth', 'x'] })
})

t.test('a hook is found by a link, also by one to a link and from another directory', async (t) => {
  const clone = makeClone(t)
  const elsewhere = temporaryDirectory(t)
  symlinkSync(join(clone.path, 'hooks/auth'), join(elsewhere, 'first'))
  symlinkSync('first', join(elsewhere, 'second'))
  for (const link of ['first', 'second'])
    t.match(await clone.runFile(join(elsewhere, link), [], {}), { argv: ['auth'] }, link)
  const { stdout } = await execa('env', ['-i', './auth', 'x'], { cwd: join(clone.path, 'hooks') })
  t.match(JSON.parse(stdout), { argv: ['auth', 'x'] }, 'by a relative path')
})

t.test('paths may have spaces, quotes and stars in them', async (t) => {
  const clone = makeClone(t)
  const path = join(temporaryDirectory(t), `my "clone" 'of' $HOME *`)
  renameSync(clone.path, path)
  symlinkSync(process.execPath, join(path, 'the node'))
  writeFileSync(join(path, 'dist/node'), `${join(path, 'the node')}\n`)
  t.match(await clone.runFile(join(path, 'hooks/auth'), ['--log-file', 'my log'], {}), {
    argv: ['auth', '--log-file', 'my log'],
  })
  t.match(await clone.runFile(join(path, 'hooks/auth'), [], { CERTBOT_NFQ_NODE: join(path, 'the node') }), {
    argv: ['auth'],
  })
})

t.test('what is not built is said to be that', async (t) => {
  const clone = makeClone(t)
  rmSync(join(clone.path, 'dist', programOf('certbot-nfq')))
  const [cause, fix] = (await clone.fail('certbot-nfq', [], { PATH: process.env['PATH'] ?? '' })).split('\n')
  t.match(cause, /^certbot-nfq: not built: \/.*\/dist\/cli\/.* is missing\.$/)
  const place =
    /^Run: npm ci && npm run build \(in (.*)\) \[not-built, \/.+\/docs\/errors\.md#not-built\]$/.exec(fix ?? '')?.[1] ??
    ''
  t.equal(realpathSync(place), realpathSync(clone.path))
  rmSync(join(clone.path, 'dist'), { recursive: true })
  const node = { CERTBOT_NFQ_NODE: process.execPath }
  for (const hook of hooks)
    t.match(await clone.fail(hook, [], node), /\[not-built, \/.+\/docs\/errors\.md#not-built\]$/, hook)
})

t.test('what they run is among what is built', (t) => {
  for (const hook of hooks) t.ok(existsSync(inRepository(`dist/${programOf(hook)}`)), hook)
  t.end()
})

t.test('the scripts are POSIX shell, and executable', (t) => {
  for (const name of readdirSync(inRepository('hooks'))) {
    const path = inRepository(`hooks/${name}`)
    t.match(readFileSync(path, 'utf8'), /^#!\/bin\/sh\n# /, name)
    t.doesNotThrow(() => execFileSync('sh', ['-n', path]), name)
    t.doesNotThrow(() => execFileSync('test', ['-x', path]), name)
  }
  t.end()
})
