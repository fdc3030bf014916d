/**
 * What another process of this machine, of another user or of the responder's own, can do to our two processes that
 * read from the network.
 */
import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import type { Namespace } from '../../src/lab/lab.js'
import { inRepository } from '../../src/lab/repository.js'
import { waitUntil } from '../../src/lab/wait-until.js'
import { withBuiltModule } from '../kernel/built-module.js'
import { openArmedLab, parentOf, programs } from '../scenarios/armed-lab.js'
import { challengeFor } from '../scenarios/challenge.js'
import { exchange } from '../scenarios/tcp-client.js'
import { requiresKernel } from '../requires-kernel.js'

const challenge = challengeFor('local user')
const WWW_DATA = 33
const NOBODY = 65534

t.test('responder and watch, and who else is on the machine', await requiresKernel(...programs), async (t) => {
  const lab = await openArmedLab(t)
  await lab.arm(challenge)
  const watch = lab.server.spawn([inRepository('hooks/certbot-nfq'), 'watch', '--json'])
  await watch.waitForOutput(/"event":"watching"/)
  const responder = await lab.running()
  const watcher = (await lab.server.processes()).find(({ command }) => /main\.js watch/.test(command))?.pid ?? NaN
  const targets = { responder: responder.pid, watch: watcher }

  await t.test('each is a user that nothing else is', async (t) => {
    for (const [name, pid] of Object.entries(targets)) {
      const ids = idsOf(pid)
      t.equal(ids.size, 1, `${name}: ${[...ids].join()}`)
      const [id = 0] = ids
      const alike = processes().filter((other) => other !== pid && idsOf(other).has(id) && parentOf(other) !== pid)
      t.strictSame(alike, [], `${name}: no other process is`)
      t.notMatch(readFileSync('/etc/passwd', 'latin1'), new RegExp(`^(?!certbot-nfq:)[^:]*:[^:]*:${id}:`, 'm'), name)
    }
  })

  await t.test('nobody but root looks into them or changes them, not even their own user', async (t) => {
    for (const [name, pid] of Object.entries(targets)) {
      for (const uid of [...idsOf(pid), WWW_DATA, NOBODY]) {
        const doors = await attack(lab.server, uid, `show(doorsOf(${pid}))`)
        const open = Object.entries(doors as Record<string, string>).filter(
          ([, outcome]) => outcome !== 'EACCES' && outcome !== 'EPERM',
        )
        t.strictSame(open, [], `${name}, as user ${uid}`)
        t.ok(Object.keys(doors as object).length > 20)
      }
    }
    // The same tries open what is not closed.
    const open = lab.server.spawn([
      'setpriv',
      '--reuid',
      String(NOBODY),
      '--regid',
      String(NOBODY),
      '--clear-groups',
      'sh',
      '-c',
      'echo there; exec sleep 600',
    ])
    await open.waitForOutput(/there/)
    const doors = await attack(lab.server, NOBODY, `show(doorsOf(${open.pid}))`)
    t.match(doors, {
      'read environ': 'done',
      'read maps': 'done',
      'write mem': 'done',
      'list fd': 'done',
      'follow exe': 'done',
      'ptrace seize': 'done',
      'take a descriptor of it': 'done',
    })
    await open.stop('SIGKILL')
  })

  await t.test('other users send them no signal; of its own user SIGUSR1 opens no debugger', async (t) => {
    const listeners = async () => (await lab.server.exec(['ss', '-Hltnp'])).stdout.split('\n').filter(Boolean).sort()
    const before = await listeners()
    for (const [name, pid] of Object.entries(targets)) {
      for (const uid of [WWW_DATA, NOBODY])
        t.strictSame(
          await attack(
            lab.server,
            uid,
            `show(['SIGUSR1', 'SIGKILL', 'SIGSTOP', 0].map((signal) => outcomeOf(() => process.kill(${pid}, signal))))`,
          ),
          ['EPERM', 'EPERM', 'EPERM', 'EPERM'],
          `${name}, as user ${uid}`,
        )
      for (const uid of [...idsOf(pid), 0])
        t.equal(
          await attack(lab.server, uid, `show(outcomeOf(() => process.kill(${pid}, 'SIGUSR1')))`),
          'done',
          `${name}, as user ${uid}`,
        )
    }
    // One that was asked later: its debugger finds the usual port free.
    const control = lab.server.spawn(
      withBuiltModule('wire/checksum.js', 'setInterval(() => undefined, 60_000); show("ready")'),
    )
    await control.waitForOutput(/ready/)
    process.kill(control.pid, 'SIGUSR1')
    await waitUntil(
      async () =>
        (await listeners()).some((line) => line.includes('127.0.0.1:9229 ') && line.includes(`pid=${control.pid},`)),
      'the debugger of another Node',
    )
    await control.stop('SIGKILL')
    t.strictSame(await listeners(), before)
    t.equal(
      await exchange(lab.validator, { address: lab.server.addresses.ipv4 }, challenge.request),
      challenge.reply,
      'the responder answers',
    )
    await watch.waitForOutput(/"event":"answer"/)
  })

  await t.test('who took the responder over sends no signal to any other process', async (t) => {
    const [id = 0] = idsOf(responder.pid)
    const own = new Set(processes().filter((pid) => idsOf(pid).has(id)))
    const others = processes().filter((pid) => !own.has(pid))
    const body = `await it.dropPrivileges({ uid: ${id}, gid: ${id} }, true)
      show(${JSON.stringify(others)}.map((pid) => [pid, outcomeOf(() => process.kill(pid, 0))]).filter(([, outcome]) => outcome !== 'EPERM' && outcome !== 'ESRCH'))`
    const { stdout } = await lab.server.exec(withBuiltModule('kernel/privileges.js', OUTCOME + body))
    t.ok(others.includes(process.pid))
    t.strictSame(JSON.parse(stdout), [])
  })

  await watch.stop('SIGINT')
  await lab.cleanup(challenge)
  t.same(await lab.leftovers(), [])
})

t.test(
  'each of two responders and two watchers at once is a user of its own',
  await requiresKernel(...programs),
  async (t) => {
    const lab = await openArmedLab(t)
    const other = lab.hooksIn('other')
    const watchers = [1, 2].map(() => lab.server.spawn([inRepository('hooks/certbot-nfq'), 'watch', '--json']))
    await Promise.all([
      lab.arm(challenge),
      other.arm(challenge, '--port', '81'),
      ...watchers.map((watch) => watch.waitForOutput(/"event":"watching"/)),
    ])
    const watching = (await lab.server.processes())
      .filter(({ command }) => /main\.js watch/.test(command))
      .map(({ pid }) => pid)
    const all = [(await lab.running()).pid, (await other.running()).pid, ...watching]
    t.equal(all.length, 4)
    t.equal(new Set(all.flatMap((pid) => [...idsOf(pid)])).size, 4)
    await Promise.all([
      ...watchers.map((watch) => watch.stop('SIGINT')),
      lab.cleanup(challenge),
      other.cleanup(challenge),
    ])
    t.same(await lab.leftovers(), [])
  },
)

t.test('a responder does not even try to open a debugger', await requiresKernel(...programs), async (t) => {
  const lab = await openArmedLab(t, { noWebServer: true })
  const serve = await lab.serve()
  const { pid } = await lab.running()
  for (let times = 0; times < 3; times++) {
    process.kill(pid, 'SIGUSR1')
    t.equal((await lab.running()).pid, pid)
  }
  await serve.stop()
  // Where it tries, its address lets it fail, and Node says so.
  t.notMatch(serve.output(), /inspector/i)
  t.strictSame(await lab.leftovers(), [])
})

t.test('a debugger that certbot’s environment asks for is not opened', await requiresKernel(...programs), async (t) => {
  const lab = await openArmedLab(t)
  const debugged = ['env', 'NODE_OPTIONS=--inspect=127.0.0.1:9229']
  const watch = lab.server.spawn([...debugged, inRepository('hooks/certbot-nfq'), 'watch', '--json'])
  await watch.waitForOutput(/"event":"watching"/)
  t.notMatch(watch.output(), /Debugger/)
  const armed = await lab.server.exec([...debugged, inRepository('hooks/auth'), '--run-dir', lab.runDirectory], {
    env: {
      CERTBOT_DOMAIN: 'example.com',
      CERTBOT_TOKEN: challenge.token,
      CERTBOT_VALIDATION: challenge.keyAuthorization,
    },
  })
  t.equal(armed.stderr, '')
  t.notMatch((await lab.server.exec(['ss', '-Hltn'])).stdout, /:9229 /)
  await watch.stop('SIGINT')
  await lab.cleanup(challenge)
  t.same(await lab.leftovers(), [])
})

t.test('watch closes a debugger that its own Node was started with', await requiresKernel(...programs), async (t) => {
  const lab = await openArmedLab(t)
  const watch = lab.server.spawn([
    process.execPath,
    '--inspect=127.0.0.1:9229',
    inRepository('dist/cli/main.js'),
    'watch',
    '--json',
  ])
  await watch.waitForOutput(/Debugger listening on/)
  await watch.waitForOutput(/"event":"watching"/)
  t.notMatch((await lab.server.exec(['ss', '-Hltn'])).stdout, /:9229 /)
  await watch.stop('SIGINT')
})

const OUTCOME = `
  const outcomeOf = (task) => { try { task(); return 'done' } catch ({ code, errno }) { return code ?? errno } }
`

/** What a process can try on another. `doorsOf(pid)` returns the result of each. */
const DOORS = `
  import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from 'node:fs'
  import { getSystemErrorName } from 'node:util'
  import koffi from 'koffi'
  ${OUTCOME}
  const library = koffi.load(null)
  const ptrace = library.func('long ptrace(long, int, void *, void *)')
  const vm = library.func('long process_vm_readv(int, void *, unsigned long, void *, unsigned long, unsigned long)')
  const syscall = library.func('long syscall(long, long, long, long)')
  const native = (result) => { if (result < 0) throw Object.assign(new Error(), { code: getSystemErrorName(-koffi.errno()) }); return result }
  const doorsOf = (pid) => {
    const at = (name) => '/proc/' + pid + '/' + name
    // Some files are opened, and refuse when they are read.
    const read = (path) => { const fd = openSync(path, 'r'); try { readSync(fd, Buffer.alloc(1)) } finally { closeSync(fd) } }
    const iovec = Buffer.alloc(16)
    iovec.writeBigUInt64LE(BigInt(koffi.address(Buffer.alloc(8))), 0)
    iovec.writeBigUInt64LE(8n, 8)
    const doors = {
      ...Object.fromEntries(['mem', 'environ', 'maps', 'smaps', 'auxv', 'io', 'syscall', 'stack', 'personality', 'pagemap', 'task/' + pid + '/environ', 'task/' + pid + '/mem'].map((name) => ['read ' + name, () => read(at(name))])),
      ...Object.fromEntries(['mem', 'clear_refs', 'coredump_filter', 'oom_score_adj'].map((name) => ['write ' + name, () => closeSync(openSync(at(name), 'r+'))])),
      ...Object.fromEntries(['fd', 'fdinfo', 'map_files'].map((name) => ['list ' + name, () => readdirSync(at(name))])),
      ...Object.fromEntries(['cwd', 'root', 'exe', 'ns/net', 'ns/user', 'fd/1'].map((name) => ['follow ' + name, () => readlinkSync(at(name))])),
      'ptrace seize': () => native(ptrace(0x4206, pid, 0, 0)),
      'ptrace attach': () => native(ptrace(16, pid, 0, 0)),
      'read its memory': () => native(vm(pid, iovec, 1, iovec, 1, 0)),
      'take a descriptor of it': () => native(syscall(438, native(syscall(434, pid, 0, 0)), 1, 0)),
    }
    return Object.fromEntries(Object.entries(doors).map(([name, door]) => [name, outcomeOf(door)]))
  }
`

/** Runs a body as another user, without any right. Returns what it showed. */
async function attack(namespace: Namespace, uid: number, body: string): Promise<unknown> {
  // Everything is loaded while it may be read.
  const become =
    uid !== 0
      ? `const libc = await it.loadLibc(); libc.setgroups(0, new Uint8Array()); libc.setresgid(${uid}, ${uid}, ${uid}); libc.setresuid(${uid}, ${uid}, ${uid});`
      : ''
  const { stdout } = await namespace.exec(withBuiltModule('kernel/libc.js', `${DOORS}\n${become}\n${body}`))
  return JSON.parse(stdout) as unknown
}

function processes(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
}

/** The user and group ids of a process; none when it is gone. */
function idsOf(pid: number): Set<number> {
  try {
    const lines = readFileSync(`/proc/${pid}/status`, 'latin1').match(/^(Uid|Gid|Groups):.*$/gm) ?? []
    return new Set(lines.flatMap((line) => (line.match(/\d+/g) ?? []).map(Number)))
  } catch {
    return new Set()
  }
}
