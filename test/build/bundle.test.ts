import { copyFileSync, mkdirSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { inRepository } from '../../src/lab/repository.js'
import { run, type Finished } from '../../src/lab/run.js'
import { requiresKernel } from '../requires-kernel.js'
import { temporaryDirectory } from '../temporary-directory.js'

const LARGEST_HOOK = 50_000

/** Text that remains in a minified copy of each package. */
const markers = {
  yargs: [/Not enough non-option arguments/, /\byargs\b/i],
  execa: [/isGracefullyCanceled/, /\bexeca\b/i],
  koffi: [/\bkoffi\b/i, /int flock\(int, int\)/],
  nfqueue: [/\bnfqueue["'`]/],
}

t.test('the hooks are small, and have no package in them', (t) => {
  for (const file of ['hook.cjs', 'client.cjs']) {
    const text = readFileSync(inRepository(`dist/cli/${file}`), 'utf8')
    t.ok(text.length < LARGEST_HOOK, `${file}: ${text.length} bytes`)
    for (const [name, patterns] of Object.entries(markers))
      for (const pattern of patterns) t.notMatch(text, pattern, `${file}: ${name}`)
    t.strictSame(
      requiredBy(text).filter((name) => !name.startsWith('node:')),
      [],
    )
  }
  t.end()
})

t.test('the responder brings execa along, and leaves the compiled packages where they are', (t) => {
  const text = readFileSync(inRepository('dist/cli/responder.cjs'), 'utf8')
  t.match(text, markers.execa[0], 'the marker is one')
  t.match(text, markers.koffi[1], 'this one too')
  for (const pattern of markers.yargs) t.notMatch(text, pattern)
  t.notMatch(text, /\bimport\("/, 'no loader of ES modules for them')
  t.strictSame(
    requiredBy(text)
      .filter((name) => !isNodes(name))
      .sort(),
    ['koffi', 'nfqueue'],
  )
  t.end()
})

t.test('the responder loads what TLS takes on demand, because it takes memory', async (t) => {
  const listing = `
    const Module = require('node:module')
    const { _load: load } = Module
    Module._load = (name, ...more) => (console.log(name), load(name, ...more))
    process.argv.push('background', '--port=0')
    require(process.argv[1])`
  const { stdout, stderr } = await node(['-e', listing, inRepository('dist/cli/responder.cjs')], '/')
  const loaded = stdout.split('\n')
  t.match(stderr, /bad-option/, 'it has begun')
  t.ok(loaded.includes('node:net'), 'the list is one')
  for (const name of ['node:tls', 'node:crypto']) t.notOk(loaded.includes(name), name)
})

t.test('a hook needs nothing beside it to say what is wrong', async (t) => {
  const directory = join(temporaryDirectory(t), 'alone')
  mkdirSync(directory)
  copyFileSync(inRepository('dist/cli/hook.cjs'), join(directory, 'hook.cjs'))
  for (const command of ['auth', 'cleanup']) {
    t.match(
      await node([join(directory, 'hook.cjs'), command], '/'),
      {
        exitCode: 1,
        stdout: '',
        stderr: /^certbot-nfq: .*\n.* \[token-missing, \/.+\/docs\/errors\.md#token-missing\]\n$/,
      },
      command,
    )
  }
})

t.test('both run from another directory, by a link', async (t) => {
  const directory = temporaryDirectory(t)
  for (const name of ['hook', 'responder']) symlinkSync(inRepository(`dist/cli/${name}.cjs`), join(directory, name))
  symlinkSync(inRepository('.'), join(directory, 'repository'))
  for (const path of [['hook'], ['repository/dist/cli/hook.cjs']])
    t.match(await node([...path, 'auth'], directory), { exitCode: 1, stderr: /token-missing/ })
  for (const path of [['responder'], ['repository/dist/cli/responder.cjs']])
    t.match(await node([...path, 'background', '--port=0'], directory), { exitCode: 1, stderr: /bad-option/ })
})

t.test('the responder finds the compiled packages from wherever it is called', await requiresKernel(), async (t) => {
  const directory = temporaryDirectory(t)
  symlinkSync(inRepository('dist/cli/responder.cjs'), join(directory, 'responder'))
  mkdirSync(join(directory, 'run'), { mode: 0o700 })
  // The lock takes koffi; the sweep removes the directory when it is done. A namespace, for it looks for rules.
  const { exitCode, stderr } = await node(['responder', 'sweep', '--run-dir', join(directory, 'run')], directory, [
    'unshare',
    '--net',
  ])
  t.strictSame([exitCode, stderr], [0, ''])
  t.throws(() => statSync(join(directory, 'run')), { code: 'ENOENT' })
})

/** What a bundle's own calls of require name. */
function requiredBy(text: string): string[] {
  return [...text.matchAll(/\brequire\("([^"]+)"\)/g)].map(([, name = '']) => name)
}

/** execa names Node's modules without prefix here and there. */
function isNodes(name: string): boolean {
  return (
    name.startsWith('node:') ||
    ['assert', 'buffer', 'child_process', 'events', 'fs', 'os', 'path', 'process', 'stream', 'util'].includes(name)
  )
}

function node(words: readonly string[], cwd: string, before: readonly string[] = []): Promise<Finished> {
  return run(['env', '-i', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', ...before, process.execPath, ...words], {
    cwd,
    reject: false,
  })
}
