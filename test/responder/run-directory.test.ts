import { chmodSync, chownSync, existsSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import t from 'tap'
import {
  checkRunDirectory,
  prepareRunDirectory,
  removeRunDirectory,
  runDirectory,
} from '../../src/responder/run-directory.js'
import { asNobody } from '../as-nobody.js'
import { temporaryDirectory } from '../temporary-directory.js'

t.test('the names in it follow from its path; nothing is made', (t) => {
  const path = join(temporaryDirectory(t), 'run')
  t.match(runDirectory(path), { path, socket: join(path, 'control'), lock: join(path, 'lock') })
  t.notOk(existsSync(path))
  t.end()
})

t.test('the tag is the FNV-1a of the path in 8 digits, however that is written', (t) => {
  // Worked out by another implementation.
  t.equal(runDirectory('/run/certbot-nfq').tag, 'de94bb9d')
  t.strictSame(runDirectory('/run/../run/certbot-nfq/'), runDirectory('/run/certbot-nfq'))
  t.strictSame(runDirectory(relative(process.cwd(), '/run/certbot-nfq')), runDirectory('/run/certbot-nfq'))
  t.not(runDirectory('/run/certbot-nfq2').tag, runDirectory('/run/certbot-nfq').tag)
  t.end()
})

t.test('a path that leaves no room for a socket is refused, by its bytes', (t) => {
  const longest = `/${'x'.repeat(107 - '//control'.length)}`
  t.equal(runDirectory(longest).socket.length, 107)
  for (const path of [`${longest}x`, `/${'ü'.repeat(50)}`])
    t.throws(() => runDirectory(path), { code: 'run-directory', message: /too long/ })
  t.end()
})

t.test('it is made for its owner alone, whatever the mask', (t) => {
  const mask = process.umask(0)
  t.teardown(() => process.umask(mask))
  const directory = runDirectory(join(temporaryDirectory(t), 'run'))
  prepareRunDirectory(directory)
  t.equal(statSync(directory.path).mode & 0o7777, 0o700)
  t.doesNotThrow(() => prepareRunDirectory(directory), 'one that is there will do')
  t.end()
})

t.test('one that others may read will do', (t) => {
  const path = temporaryDirectory(t)
  chmodSync(path, 0o755)
  t.doesNotThrow(() => prepareRunDirectory(runDirectory(path)))
  t.end()
})

t.test('one that others could play tricks with is refused', (t) => {
  const path = temporaryDirectory(t)
  mkdirSync(join(path, 'directory'))
  symlinkSync('directory', join(path, 'link'))
  symlinkSync('nowhere', join(path, 'dangling'))
  writeFileSync(join(path, 'file'), '')
  for (const [name, mode] of [
    ['group', 0o720],
    ['others', 0o702],
    ['sticky', 0o1777],
  ] as const) {
    mkdirSync(join(path, name))
    chmodSync(join(path, name), mode)
  }
  const table = [
    ['link', /link is not a directory$/],
    ['dangling', /dangling is not a directory$/],
    ['file', /file is not a directory$/],
    ['group', /group can be written to by others$/],
    ['others', /others can be written to by others$/],
    ['sticky', /sticky can be written to by others$/],
  ] as const
  for (const [name, message] of table)
    t.throws(() => prepareRunDirectory(runDirectory(join(path, name))), { code: 'run-directory', message }, name)
  t.end()
})

t.test(
  'one that belongs to somebody else is refused',
  { skip: process.getuid?.() !== 0 && 'only root can give a directory away' },
  (t) => {
    const path = temporaryDirectory(t)
    chownSync(path, 65534, 65534)
    t.throws(() => prepareRunDirectory(runDirectory(path)), {
      code: 'run-directory',
      message: /belongs to user id 65534$/,
    })
    t.end()
  },
)

t.test('one in which others could put something else is refused, by what they could change', (t) => {
  const path = temporaryDirectory(t)
  mkdirSync(join(path, 'open', 'inside'), { recursive: true })
  chmodSync(join(path, 'open'), 0o777)
  mkdirSync(join(path, 'safe'))
  symlinkSync('open/inside', join(path, 'to-open'))
  symlinkSync(join(path, 'safe'), join(path, 'to-safe'))
  symlinkSync('round', join(path, 'round'))
  for (const [name, changed] of [
    ['open/inside', 'open'],
    ['to-open', 'open'],
    ['round', 'round'],
  ] as const) {
    const message = `the run directory ${path}/${name}/run can be exchanged by others: they can change ${path}/${changed}`
    t.throws(() => prepareRunDirectory(runDirectory(join(path, name, 'run'))), { code: 'run-directory', message })
  }
  for (const name of ['safe', 'to-safe', 'nowhere']) {
    t.doesNotThrow(() => checkRunDirectory({ path: join(path, name, 'run') }), name)
  }
  chmodSync(join(path, 'open'), 0o1777)
  t.doesNotThrow(() => prepareRunDirectory(runDirectory(join(path, 'to-open', 'run'))), 'they could not rename it')
  t.end()
})

t.test('as many links lead to it as the kernel follows', (t) => {
  const path = temporaryDirectory(t)
  mkdirSync(join(path, '0'))
  for (let link = 1; link <= 41; link++) symlinkSync(`${link - 1}`, join(path, `${link}`))
  t.doesNotThrow(() => prepareRunDirectory(runDirectory(join(path, '40', 'run'))))
  t.throws(() => prepareRunDirectory(runDirectory(join(path, '41', 'run'))), { message: /can be exchanged by others/ })
  t.end()
})

t.test('who may not make it is told that root may', async (t) => {
  const path = temporaryDirectory(t)
  chmodSync(path, 0o500)
  await asNobody(() =>
    t.throws(() => prepareRunDirectory(runDirectory(join(path, 'run'))), {
      code: 'not-root',
      message: `only root can make the run directory ${path}/run`,
    }),
  )
  chmodSync(path, 0o700)
})

t.test('one that cannot be made is refused with the reason', (t) => {
  const path = temporaryDirectory(t)
  writeFileSync(join(path, 'file'), '')
  t.throws(() => prepareRunDirectory(runDirectory(join(path, 'absent', 'run'))), {
    code: 'run-directory-path',
    message: /absent does not exist$/,
  })
  t.throws(() => prepareRunDirectory(runDirectory(join(path, 'file', 'run'))), {
    code: 'run-directory-path',
    message: /is no directory$/,
  })
  t.end()
})

t.test('removed, it is gone, unless something else is in it', (t) => {
  const empty = runDirectory(temporaryDirectory(t))
  removeRunDirectory(empty)
  t.notOk(existsSync(empty.path))
  t.doesNotThrow(() => removeRunDirectory(empty), 'again')
  const full = runDirectory(temporaryDirectory(t))
  writeFileSync(join(full.path, 'note'), '')
  removeRunDirectory(full)
  t.ok(existsSync(join(full.path, 'note')))
  t.end()
})
