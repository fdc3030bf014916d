import { execFileSync } from 'node:child_process'
import fs, {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { basename, join } from 'node:path'
import t, { type Test } from 'tap'
import { replaceFile } from '../../../src/client/change/replace-file.js'
import { requiresKernel } from '../../requires-kernel.js'
import { temporaryDirectory } from '../../temporary-directory.js'

const needsRoot = await requiresKernel()
const before = Buffer.from('before\n')
const after = Buffer.from('after\n'.repeat(10_000))

/** `user.x`, and an access control list: rw for the owner, r for user 33, - for others. Of a directory: its default. */
const setAttributes = `
import os, struct, sys
os.setxattr(sys.argv[1], "user.x", b"value")
acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", tag, rights, who) for tag, rights, who in [(1, 6, 0xffffffff), (2, 4, 33), (4, 0, 0xffffffff), (16, 4, 0xffffffff), (32, 0, 0xffffffff)])
os.setxattr(sys.argv[1], sys.argv[2], acl)
`
const showAttributes =
  'import os, sys; print(sorted((name, os.getxattr(sys.argv[1], name).hex()) for name in os.listxattr(sys.argv[1])))'

t.test('the new file has the bytes; a copy of the old one stays beside it', async (t) => {
  const { path, directory } = prepare(t)
  t.strictSame(await replaceFile(path, before, after), {
    target: path,
    backup: `${path}.before-certbot-nfq`,
    losses: [],
  })
  t.ok(readFileSync(path).equals(after))
  t.ok(readFileSync(`${path}.before-certbot-nfq`).equals(before))
  t.match(await replaceFile(path, after, before), { backup: `${path}.before-certbot-nfq-2` })
  t.ok(readFileSync(`${path}.before-certbot-nfq-2`).equals(after))
  t.strictSame(readdirSync(directory), ['a.conf', 'a.conf.before-certbot-nfq', 'a.conf.before-certbot-nfq-2'])
})

t.test('owner and mode are kept', needsRoot, async (t) => {
  const { path } = prepare(t)
  chownSync(path, 33, 34)
  chmodSync(path, 0o6640)
  await replaceFile(path, before, after)
  for (const name of [path, `${path}.before-certbot-nfq`]) t.match(statSync(name), { uid: 33, gid: 34, mode: 0o106640 })
})

t.test(
  'so are extended attributes and access control lists, and none are won from the directory',
  needsRoot,
  async (t) => {
    const { path, directory } = prepare(t)
    const attributes = (name = path) => execFileSync('python3', ['-c', showAttributes, name], { encoding: 'utf8' })
    execFileSync('python3', ['-c', setAttributes, directory, 'system.posix_acl_default'])
    t.equal(attributes(), '[]\n')
    await replaceFile(path, before, after)
    t.equal(attributes(), '[]\n', 'the directory’s default is for new files only')
    execFileSync('python3', ['-c', setAttributes, path, 'system.posix_acl_access'])
    const [list, { mode }] = [attributes(), statSync(path)]
    t.match(list, /system\.posix_acl_access.*user\.x/)
    const { backup } = await replaceFile(path, after, before)
    for (const name of [path, backup]) t.strictSame([attributes(name), statSync(name).mode], [list, mode])
  },
)

t.test('a link stays one; the file it leads to is replaced, in its own directory', async (t) => {
  const { path, directory } = prepare(t)
  mkdirSync(join(directory, 'links'))
  const link = join(directory, 'links/b.conf')
  symlinkSync('../a.conf', link)
  t.match(await replaceFile(link, before, after), {
    target: realpathSync(path),
    backup: `${realpathSync(path)}.before-certbot-nfq`,
  })
  t.ok(lstatSync(link).isSymbolicLink())
  t.ok(readFileSync(path).equals(after))
  t.strictSame(readdirSync(join(directory, 'links')), ['b.conf'])
})

t.test('other names of the file keep what it was, and that is said', async (t) => {
  const { path, directory } = prepare(t)
  linkSync(path, join(directory, 'other'))
  const { losses } = await replaceFile(path, before, after)
  t.strictSame(losses, ['1 other name of it (hard links), which lead to the file as it was before'])
  t.ok(readFileSync(join(directory, 'other')).equals(before))
})

t.test('what is not as it was read stays, and nothing else is there', async (t) => {
  const { path, directory } = prepare(t)
  await t.rejects(replaceFile(path, Buffer.from('something else'), after), { code: 'renewal-changed' })
  t.strictSame([readdirSync(directory), readFileSync(path, 'utf8')], [['a.conf'], 'before\n'])
})

t.test('bytes are on the disk before a name leads to them, and names before it is said', async (t) => {
  const { path, directory } = prepare(t)
  const done: string[] = []
  const noting = (own: typeof fs): Partial<typeof fs> => ({
    fsyncSync: (fd) => {
      done.push(`flush ${basename(readlinkSync(`/proc/self/fd/${fd}`))}`)
      own.fsyncSync(fd)
    },
    renameSync: (from, to) => {
      done.push(`rename ${basename(String(from))} to ${basename(String(to))}`)
      own.renameSync(from, to)
    },
  })
  await withFileSystem(noting, () => replaceFile(path, before, after))
  t.strictSame(done, [
    'flush a.conf.certbot-nfq-new',
    'flush a.conf.before-certbot-nfq',
    `flush ${basename(directory)}`,
    'rename a.conf.certbot-nfq-new to a.conf',
    `flush ${basename(directory)}`,
  ])
})

t.test('a disk that gives back other bytes than it was given changes nothing', async (t) => {
  for (const name of ['a.conf.certbot-nfq-new', 'a.conf.before-certbot-nfq']) {
    const { path, directory } = prepare(t)
    const lying = (own: typeof fs): Partial<typeof fs> => ({
      readFileSync: ((file: string) => {
        const bytes = own.readFileSync(file)
        return file.endsWith(name) ? bytes.subarray(1) : bytes
      }) as typeof fs.readFileSync,
    })
    const replacing = withFileSystem(lying, () => replaceFile(path, before, after))
    await t.rejects(replacing, {
      message: `${path}${name.slice('a.conf'.length)} does not hold what was written to it`,
    })
    t.strictSame([readdirSync(directory), readFileSync(path).equals(before)], [['a.conf'], true], name)
  }
})

/** Runs a task with functions in the place of Node's own, which they get. */
async function withFileSystem(
  functions: (own: typeof fs) => Partial<typeof fs>,
  task: () => Promise<unknown>,
): Promise<void> {
  const own = { ...fs }
  const others = functions(own)
  Object.assign(fs, others)
  syncBuiltinESMExports()
  try {
    await task()
  } finally {
    for (const name of Object.keys(others)) Object.assign(fs, { [name]: own[name as keyof typeof fs] })
    syncBuiltinESMExports()
  }
}

function prepare(t: Test): { path: string; directory: string } {
  const directory = temporaryDirectory(t)
  const path = join(directory, 'a.conf')
  writeFileSync(path, before)
  return { path, directory }
}
