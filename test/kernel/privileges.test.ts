import t from 'tap'
import { findAccount } from '../../src/kernel/account.js'
import { run } from '../../src/lab/run.js'
import { requiresKernel } from '../requires-kernel.js'
import { WITH_LIBC, withBuiltModule } from './built-module.js'

const options = await requiresKernel()
const nobody = findAccount('nobody')
/** Bits 12 and 13, as /proc writes a set. */
const netAdminAndRaw = '0000000000003000'
/** Bit 10 with them. */
const withBindService = '0000000000003400'

t.test('two capabilities stay, in every set, and no way back', options, async (t) => {
  const {
    shown: [status, ...tries],
  } = await asProcess(
    `
    // While it may still read the repository, which may be closed to others.
    ${WITH_LIBC}
    await it.dropPrivileges(${JSON.stringify(nobody)})
    show(readFileSync('/proc/self/status', 'utf8'))
    for (const back of [() => libc.setresuid(0, 0, 0), () => libc.setresgid(0, 0, 0), () => libc.setgroups(1, new Uint8Array(4))]) {
      show(back() < 0 ? getSystemErrorName(-libc.errno()) : 'root again')
    }
    try { show(readFileSync('/etc/shadow')) } catch (error) { show(error.code) }`,
    ['setpriv', '--groups=0,4,24'],
  )
  const field = fieldsOf(status)
  t.strictSame(
    field('Uid'),
    Array.from({ length: 4 }, () => String(nobody.uid)),
  )
  t.strictSame(
    field('Gid'),
    Array.from({ length: 4 }, () => String(nobody.gid)),
  )
  t.strictSame(field('Groups'), [])
  for (const set of ['CapEff', 'CapPrm', 'CapInh', 'CapAmb', 'CapBnd']) t.strictSame(field(set), [netAdminAndRaw], set)
  t.strictSame(field('NoNewPrivs'), ['1'])
  t.strictSame(tries, ['EPERM', 'EPERM', 'EPERM', 'EACCES'])
})

t.test(
  'the right to listen on low ports stays when asked for, for this thread and not for programs',
  options,
  async (t) => {
    const body = `
    import { createServer } from 'node:net'
    await it.dropPrivileges(${JSON.stringify(nobody)}, true)
    show(readFileSync('/proc/self/status', 'utf8'))
    show(execFileSync('cat', ['/proc/self/status'], { encoding: 'utf8' }))
    createServer().on('error', ({ code }) => show(code)).listen(7, '127.0.0.1', function () { show('listening'); this.close() })`
    const {
      shown: [own, program, port],
    } = await asProcess(body, ['unshare', '--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh'])
    for (const set of ['CapEff', 'CapPrm']) t.strictSame(fieldsOf(own)(set), [withBindService], set)
    for (const set of ['CapInh', 'CapAmb', 'CapBnd']) t.strictSame(fieldsOf(own)(set), [netAdminAndRaw], set)
    t.strictSame(fieldsOf(program)('CapPrm'), [netAdminAndRaw])
    t.equal(port, 'listening')
  },
)

t.test('it is not missed where it was not there before', options, async (t) => {
  const body = `await it.dropPrivileges(${JSON.stringify(nobody)}, true); show(readFileSync('/proc/self/status', 'utf8'))`
  const {
    shown: [status],
  } = await asProcess(body, rootWithout('net_bind_service'))
  t.strictSame(fieldsOf(status)('CapEff'), [netAdminAndRaw])
})

t.test('it is no more than CAP_NET_ADMIN gives: that may open low ports to everybody', options, async (t) => {
  const { shown } = await asProcess(
    `
    await it.dropPrivileges(${JSON.stringify(nobody)})
    writeFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', '0')
    show(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8').trim())`,
    ['unshare', '--net'],
  )
  t.strictSame(shown, ['0'])
})

t.test('other threads, of before and of after, have none or the same', options, async (t) => {
  // File reads run in threads of Node's pool, of which one is there before.
  const { shown } = await asProcess(`
    await new Promise((resolve) => readFile('/proc/self/stat', resolve))
    const before = readdirSync('/proc/self/task').length
    await it.dropPrivileges(${JSON.stringify(nobody)})
    show(before > 1)
    for (const thread of readdirSync('/proc/self/task')) show(readFileSync('/proc/self/task/' + thread + '/status', 'utf8'))`)
  t.equal(shown[0], true)
  const threads = shown.slice(1)
  t.ok(threads.length > 1)
  for (const status of threads) {
    const field = fieldsOf(status)
    t.strictSame(
      field('Uid'),
      Array.from({ length: 4 }, () => String(nobody.uid)),
    )
    t.ok(['0000000000000000', netAdminAndRaw].includes(field('CapEff').join()))
  }
})

t.test('a program that is run afterwards has the two as well, and may use them', options, async (t) => {
  const {
    shown: [status, link],
  } = await asProcess(
    `
    await it.dropPrivileges(${JSON.stringify(nobody)})
    show(execFileSync('cat', ['/proc/self/status'], { encoding: 'utf8' }))
    show(spawnSync('ip', ['link', 'set', 'lo', 'up']).status)`,
    ['unshare', '--net'],
  )
  t.strictSame(fieldsOf(status)('CapEff'), [netAdminAndRaw])
  t.equal(link, 0)
})

t.test('a second drop is refused', options, async (t) => {
  const { shown } = await asProcess(`
    const drop = () => it.dropPrivileges(${JSON.stringify(nobody)}).then(() => 'dropped', ({ code, message }) => [code, message])
    show(await drop())
    show(await drop())`)
  t.strictSame(shown, ['dropped', ['not-root', 'cannot give root up: dropping a bounding capability failed (EPERM)']])
})

t.test('who is not root has nothing to give up', options, async (t) => {
  const body = `show(await it.dropPrivileges(${JSON.stringify(nobody)}).then(() => 'dropped', ({ code }) => code))`
  // It may read a clone that is root's alone.
  t.strictSame(
    (
      await asProcess(body, [
        'setpriv',
        '--reuid=65534',
        '--regid=65534',
        '--clear-groups',
        '--inh-caps=+dac_read_search',
        '--ambient-caps=+dac_read_search',
      ])
    ).shown,
    ['not-root'],
  )
})

t.test('a root that lacks a capability is told so, and not to become root', options, async (t) => {
  for (const drop of ['dropPrivileges', 'dropAllPrivileges']) {
    const body = `show(await it.${drop}(${JSON.stringify(nobody)}).then(() => 'dropped', ({ code, message }) => [code, message]))`
    const lacking =
      drop === 'dropPrivileges' ? ['setuid', 'setgid', 'setpcap', 'net_admin', 'net_raw'] : ['setuid', 'setgid']
    for (const missing of lacking)
      t.match(
        (await asProcess(body, rootWithout(missing))).shown,
        [['capability-missing', /^cannot give root up: .* failed \(EPERM\)$/]],
        `${drop}, root without ${missing}`,
      )
  }
})

// What CVE-2024-22017 is about: what is read by such a thread is read as root.
t.test('where a thread stays root’s, that is a failure', options, async (t) => {
  const { shown } = await asProcess(`
    import koffi from 'koffi'
    // struct io_uring_params: flags are at byte 8; IORING_SETUP_SQPOLL makes a thread of the kernel's.
    const parameters = Buffer.alloc(120)
    parameters.writeUInt32LE(2, 8)
    show(koffi.load(null).func('long syscall(long, unsigned int, void *)')(425, 8, parameters))
    show(await it.dropPrivileges(${JSON.stringify(nobody)}).then(() => 'dropped', ({ code, message }) => [code, message]))`)
  const [ring, outcome] = shown
  if (Number(ring) < 0) return void t.skip('this kernel offers no io_uring', () => undefined)
  t.match(outcome, ['root-kept', /^cannot give root up: thread \d+ \(iou-sqp-\d+\) has user id 0$/])
})

t.test('with what hooks/keep leaves to it, it is done as well', options, async (t) => {
  const {
    shown: [status],
  } = await asProcess(
    `await it.dropPrivileges(${JSON.stringify(nobody)}); show(readFileSync('/proc/self/status', 'utf8'))`,
    [
      'setpriv',
      '--no-new-privs',
      '--inh-caps=-all',
      '--bounding-set=-all,+setuid,+setgid,+setpcap,+net_bind_service,+net_admin,+net_raw',
    ],
  )
  t.strictSame(fieldsOf(status)('CapEff'), [netAdminAndRaw])
})

for (const drop of ['dropPrivileges', 'dropAllPrivileges']) {
  t.test(`${drop}: no thread may gain privileges, also where the process was not started so`, options, async (t) => {
    // A system call filter passes nothing on to threads that have one already; and NODE_OPTIONS starts none here.
    const { shown } = await asProcess(`
      await new Promise((resolve) => readFile('/proc/self/stat', resolve))
      const all = () => readdirSync('/proc/self/task').map((id) => /NoNewPrivs:\\t(.)/.exec(readFileSync('/proc/self/task/' + id + '/status', 'utf8'))[1])
      show(all())
      await it.${drop}(${JSON.stringify(nobody)})
      show(all())
      show(execFileSync('id', ['-u'], { encoding: 'utf8' }).trim())`)
    const [before, after, id] = shown as [string[], string[], string]
    t.ok(before.length > 1)
    t.strictSame([...new Set(before)], ['0'])
    t.strictSame([...new Set(after)], ['1'])
    t.equal(id, String(nobody.uid), 'the filter lets all pass')
  })
}

/** The words after a field's name in a /proc status file. */
function fieldsOf(status: unknown) {
  return (name: string): string[] =>
    (new RegExp(`^${name}:[ \\t]*(.*)$`, 'm').exec(String(status))?.[1] ?? 'absent').split(/\s+/).filter(Boolean)
}

function rootWithout(capability: string): string[] {
  return ['setpriv', `--bounding-set=-${capability}`, '--inh-caps=-all']
}

/** Runs a body, with `before` in front of it, in a process of its own. Returns the values that it showed. */
async function asProcess(body: string, before: readonly string[] = []): Promise<{ shown: unknown[] }> {
  const imports = `
    import { execFileSync, spawnSync } from 'node:child_process'
    import { readdirSync, readFile, readFileSync, writeFileSync } from 'node:fs'
    import { getSystemErrorName } from 'node:util'
    `
  const { stdout } = await run([...before, ...withBuiltModule('kernel/privileges.js', imports + body)])
  return {
    shown: stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as unknown),
  }
}
