/**
 * Root runs files in places that another user can change. www-data puts programs of its own there, and sees whether
 * root runs them.
 */
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import t, { type Test } from 'tap'
import { runDirectory, prepareRunDirectory } from '../../src/responder/run-directory.js'
import { inRepository } from '../../src/lab/repository.js'
import { makeClone } from '../hooks/clone.js'
import { installed } from '../client/certbot/installed.js'
import { requiresKernel } from '../requires-kernel.js'
import { temporaryDirectory } from '../temporary-directory.js'

const WWW_DATA = 33
const STAFF = 50
const asWwwData = ['setpriv', `--reuid=${WWW_DATA}`, `--regid=${WWW_DATA}`, '--clear-groups', '--'] as const

/** Ways in which root can let www-data change a program. Each returns the path that belongs to www-data then. */
const doors: Readonly<Record<string, (program: string, directory: string) => string>> = {
  'a directory that is his': (_, directory) => own(directory),
  'a file that is his': (program) => own(program),
  'a directory that everybody can write to': (_, directory) => mode(directory, 0o777),
  'a file that everybody can write to': (program) => mode(program, 0o757),
  'a directory that his group can write to': (_, directory) => mode(own(directory, 0), 0o775),
  'a link that is his, to a program of root’s': (program, directory) => {
    renameSync(program, `${program}-of-root`)
    mkdirSync(join(directory, 'his'))
    symlinkSync(`${program}-of-root`, join(directory, 'his/link'))
    symlinkSync('his/link', program)
    return own(join(directory, 'his'))
  },
  'an access control list': (_, directory) => {
    // As setfacl -m u:www-data:rwx writes it: version 2; tag, rights and user of each entry.
    const entries = [
      [1, 7, -1],
      [2, 7, WWW_DATA],
      [4, 5, -1],
      [16, 7, -1],
      [32, 5, -1],
    ] as const
    const acl = Buffer.concat([
      Buffer.from([2, 0, 0, 0]),
      ...entries.map(([tag, rights, id]) =>
        Buffer.from([tag, 0, rights, 0, ...new Uint8Array(new Int32Array([id]).buffer)]),
      ),
    ])
    execFileSync('python3', [
      '-c',
      'import os, sys; os.setxattr(sys.argv[1], "system.posix_acl_access", bytes.fromhex(sys.argv[2]))',
      directory,
      acl.toString('hex'),
    ])
    return directory
  },
}

for (const [what, open] of Object.entries(doors)) {
  t.test(`a Node that was found is not run as root behind ${what}`, await requiresKernel(), async (t) => {
    const clone = openClone(t)
    rmSync(join(clone.path, 'dist/node'))
    const node = join(clone.path, 'opt/node-v22/bin/node')
    clone.addNode('opt/node-v22/bin/node')
    const his = open(node, dirname(node))
    const marker = plant(t, node)
    const stderr = await clone.fail('auth', [], { PATH: clone.coreutils })
    t.notOk(existsSync(marker), 'root did not run it')
    t.match(
      stderr,
      /^certbot-nfq: no Node of version 20\.19 or later found: .*; passed over, as .* change .*: .*node\.\n.* \[node-missing, /,
    )
    t.ok(stderr.includes(` change ${his}: `), stderr)
    clone.addNode('opt/nodejs/bin/node')
    t.equal(
      (await clone.run('auth', [], { PATH: clone.coreutils })).node,
      'opt/nodejs/bin/node',
      'one of root’s is found behind it',
    )
  })
}

t.test(
  'sudo keeps HOME: what is in the home of its user is not run because it was found',
  await requiresKernel(),
  async (t) => {
    const clone = openClone(t)
    rmSync(join(clone.path, 'dist/node'))
    const home = join(clone.path, 'home-of-user')
    clone.addNode('home-of-user/.nvm/versions/node/v22.1.0/bin/node')
    execFileSync('chown', ['-R', String(WWW_DATA), home])
    const marker = plant(t, join(home, '.nvm/versions/node/v22.1.0/bin/node'))
    const stderr = await clone.fail('auth', [], { PATH: clone.coreutils, HOME: home, SUDO_UID: String(WWW_DATA) })
    t.ok(stderr.includes(`as www-data can change ${home}: `), stderr)
    t.notOk(existsSync(marker))
  },
)

for (const [what, open] of Object.entries(doors)) {
  t.test(`renewals that worked go on, with a line that says so, behind ${what}`, await requiresKernel(), async (t) => {
    const clone = openClone(t)
    const program = join(clone.path, 'dist/cli/hook.cjs')
    const his = open(program, dirname(program))
    const run = async (env: Readonly<Record<string, string>>, ...before: string[]) => {
      const { exitCode, stdout, stderr } = await execa(
        'env',
        [
          '-i',
          ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
          ...before,
          join(clone.path, 'hooks/auth'),
        ],
        { reject: false },
      )
      t.strictSame([exitCode, JSON.parse(stdout)], [0, { node: 'real', program: 'cli/hook.cjs', argv: ['auth'] }])
      return stderr
    }
    const stderr = await run({})
    t.match(
      stderr,
      /^certbot-nfq: warning: .* change .*, and so what root runs here: give it to root alone\. \[unsafe-owner, \/.+\/docs\/errors\.md#unsafe-owner\]$/,
    )
    t.equal(realName(/ change (.*), and so/.exec(stderr)?.[1] ?? ''), his)
    t.equal(await run({ SUDO_UID: 'x' }), stderr, 'a variable that is no number is none')
    t.equal(await run({}, ...asWwwData), '', 'who is not root is not told')
    if (/his/.test(what) && !/group/.test(what))
      t.equal(await run({ SUDO_UID: String(WWW_DATA) }), '', 'nor who is root already, by sudo')
  })
}

t.test('a Node that root named, or built with, is run with a warning', await requiresKernel(), async (t) => {
  const clone = openClone(t)
  const node = join(clone.path, 'his/bin/node')
  clone.addNode('his/bin/node')
  own(join(clone.path, 'his'))
  const warning = `certbot-nfq: warning: www-data can change ${join(clone.path, 'his')}, and so what root runs here: `
  const warned = async (env: readonly string[]) => {
    const { stdout, stderr } = await execa('env', ['-i', ...env, join(clone.path, 'hooks/auth')])
    t.match(JSON.parse(stdout), { node: 'his/bin/node' })
    t.ok(stderr.startsWith(warning) && !stderr.includes('\n'), stderr)
  }
  await warned([`CERTBOT_NFQ_NODE=${node}`])
  writeFileSync(join(clone.path, 'dist/node'), `${node}\n`)
  await warned([])
})

t.test('what nobody else can change is run in silence', await requiresKernel(), async (t) => {
  const path = temporaryDirectory(t)
  chmodSync(path, 0o755)
  mkdirSync(join(path, 'a/b'), { recursive: true })
  symlinkSync('a', join(path, 'link'))
  symlinkSync('loop', join(path, 'loop'))
  const who = async (name: string) => (await execa(inRepository('hooks/who-can-change'), [join(path, name)])).stdout
  for (const name of ['a/b', 'link/b', 'link/../a', 'absent/file', '']) t.equal(await who(name), '', name)
  chmodSync(join(path, 'a'), 0o1777)
  t.equal(await who('a/b'), '', 'what is root’s in a directory with the sticky bit stays where it is')
  chownSync(join(path, 'a/b'), WWW_DATA, WWW_DATA)
  t.equal(await who('a/b'), `www-data can change ${join(path, 'a/b')}`, 'but what is another’s there does not')
  chownSync(join(path, 'a'), 0, STAFF)
  chmodSync(join(path, 'a'), 0o2775)
  t.equal(
    await who('a'),
    execFileSync('getent', ['group', 'staff'], { encoding: 'utf8' }).trim().endsWith(':')
      ? ''
      : `group staff can change ${join(path, 'a')}`,
    'a group in which nobody is',
  )
  t.equal(await who('loop'), '', 'a link that leads nowhere is not run')
})

t.test('hook paths do not lead to an installation that another can change', await requiresKernel(), async (t) => {
  const { path, installation, run } = installed(t)
  chmodSync(path, 0o755)
  const his = join(path, 'his')
  renameSync(installation, his)
  execFileSync('chown', ['-R', String(WWW_DATA), his])
  mkdirSync(join(path, 'bin'))
  symlinkSync(join(his, 'hooks/certbot-nfq'), join(path, 'bin/certbot-nfq'))
  const marker = plant(t, join(his, 'hooks/auth'))
  const { exitCode, stderr } = await run('auth', [], join(path, 'bin'))
  t.equal(exitCode, 1)
  t.match(
    stderr,
    /^certbot-nfq: its hooks are not in .* moved or removed; passed over, as www-data can change .*\/his: .*\/his\/hooks\.\n.* \[hooks-moved, /,
  )
  t.notOk(existsSync(marker))
  const { installation: roots } = installed(t)
  mkdirSync(join(path, 'opt'))
  renameSync(roots, join(path, 'opt/certbot-nfq'))
  t.match(
    await run('auth', [], join(path, 'bin')),
    { exitCode: 0, stdout: `${join(path, 'opt/certbot-nfq')} auth` },
    'root’s is found behind it',
  )
})

t.test('install refuses a program that another can change, and doctor finds it', await requiresKernel(), async (t) => {
  const path = temporaryDirectory(t)
  chmodSync(path, 0o755)
  for (const part of [
    'hooks',
    'dist',
    'docs',
    'package.json',
    'node_modules/koffi',
    'node_modules/@koromix',
    'node_modules/nfqueue',
  ])
    cpSync(inRepository(part), join(path, part), { recursive: true })
  const command = (...words: string[]) => execa(join(path, 'hooks/certbot-nfq'), words, { reject: false })
  const install = (...words: string[]) =>
    command(
      'install',
      '--hooks-dir',
      join(path, 'stable'),
      '--bin-dir',
      join(path, 'bin'),
      '--config-dir',
      join(path, 'certbot'),
      ...words,
    )
  const owners = async () =>
    (JSON.parse((await command('doctor', '--json')).stdout) as { check: string }[]).find(
      ({ check }) => check === 'owners',
    )
  t.match(await owners(), { level: 'ok', message: /^only root can change/ })
  t.match(await install('--dry-run'), { exitCode: 0 })

  const deep = own(join(path, 'node_modules/koffi/package.json'))
  const { exitCode, stdout, stderr } = await install()
  t.strictSame([exitCode, stdout], [1, ''])
  t.match(
    stderr,
    new RegExp(
      `^certbot-nfq: www-data can change ${deep}, and so what root would run at each renewal\n.*--unsafe-owner\\. \\[unsafe-owner, `,
    ),
  )
  t.notOk(existsSync(join(path, 'stable')))
  t.match(await owners(), {
    level: 'fail',
    message: `www-data can change ${deep}, and so what root runs here`,
    fix: /chown -R root:/,
  })
  t.match(await install('--unsafe-owner'), { exitCode: 0, stdout: /^Wrote the hooks / })
})

t.test('a run directory is refused where another could put his in its place', await requiresKernel(), (t) => {
  for (const [what, open] of Object.entries(doors)) {
    const path = temporaryDirectory(t)
    const above = join(path, 'above')
    mkdirSync(join(above, 'below'), { recursive: true })
    if (/file|link/.test(what)) continue
    open('', above)
    const refusal = {
      code: 'run-directory',
      message: `the run directory ${join(above, 'below/run')} can be exchanged by others: they can change ${above}`,
    }
    t.throws(() => prepareRunDirectory(runDirectory(join(above, 'below/run'))), refusal, what)
    t.notOk(existsSync(join(above, 'below/run')), 'and is not made')
    symlinkSync(join(above, 'below'), join(path, 'link'))
    t.throws(
      () => prepareRunDirectory(runDirectory(join(path, 'link/run'))),
      { code: 'run-directory', message: new RegExp(`they can change ${above}$`) },
      `${what}, by a link`,
    )
  }
  const path = temporaryDirectory(t)
  mkdirSync(join(path, 'sticky'))
  chmodSync(join(path, 'sticky'), 0o1777)
  t.doesNotThrow(() => prepareRunDirectory(runDirectory(join(path, 'sticky/run'))))
  symlinkSync('sticky', join(path, 'link'))
  execFileSync('chown', ['-h', String(WWW_DATA), join(path, 'link')])
  t.throws(
    () => prepareRunDirectory(runDirectory(join(path, 'link/run'))),
    { code: 'run-directory', message: new RegExp(`they can change ${join(path, 'link')}$`) },
    'a link that is his',
  )
  t.end()
})

/** A copy of hooks/ that www-data can look into. */
function openClone(t: Test) {
  const clone = makeClone(t)
  chmodSync(clone.path, 0o755)
  return clone
}

/**
 * www-data puts a program of his in this one's place, by whatever door; gives the path of a file that it writes when
 * root runs it.
 */
function plant(t: Test, program: string): string {
  const marker = join(temporaryDirectory(t), 'ran')
  const text = `#!/bin/sh\necho >${marker}\n`
  const script = `
    put() { printf %s "$text" >"$1" && chmod +x "$1"; }
    { put "$1.new" && mv -f "$1.new" "$1"; } || printf %s "$text" >"$1" || { put "\${1%/*}/his/evil" && ln -sfn evil "\${1%/*}/his/link"; }`
  execFileSync(asWwwData[0], [...asWwwData.slice(1), 'sh', '-c', `exec 2>&-; text=$2; ${script}`, 'sh', program, text])
  t.equal(readFileSync(program, 'utf8'), text, 'he has put it there')
  return marker
}

function own(path: string, uid = WWW_DATA): string {
  chownSync(path, uid, WWW_DATA)
  return path
}

function mode(path: string, bits: number): string {
  chmodSync(path, bits)
  return path
}

/** Without the `..` that hooks/run has in its paths. */
function realName(path: string): string {
  return join(path)
}
