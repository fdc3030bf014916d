import t from 'tap'
import { run } from '../../src/lab/run.js'
import { requiresKernel } from '../requires-kernel.js'
import { WITH_LIBC, withBuiltModule } from './built-module.js'

const options = await requiresKernel('unshare')
const asNobody = `${WITH_LIBC}; libc.setresgid(65534, 65534, 65534); libc.setresuid(65534, 65534, 65534)`

/**
 * What bodies use: whether anybody could take the lock now, a process that holds it, and a promise to be kept by hand.
 */
const preamble = `
  import { spawn, spawnSync } from 'node:child_process'
  import { once } from 'node:events'
  import { chmodSync, existsSync, readFileSync, statSync, unlinkSync } from 'node:fs'
  const isFree = () => spawnSync('flock', ['-n', '/run/xtables.lock', 'true']).status === 0
  const lockElsewhere = async () => {
    const holder = spawn('flock', ['--no-fork', '/run/xtables.lock', 'sh', '-c', 'echo held; read -r end'])
    await once(holder.stdout, 'data')
    return holder
  }
  const gate = () => { let open; const opened = new Promise((resolve) => (open = resolve)); return { open, opened } }`

t.test('a task waits while another process holds the lock, and then holds it itself', options, async (t) => {
  const written = await runPrivately(`
    const held = await lockElsewhere()
    const under = await it.openXtablesLock(false)
    ${asNobody}
    const task = under(async () => show(['task', isFree()]))
    await new Promise((resolve) => setTimeout(resolve, 100))
    show('still held')
    held.stdin.end()
    await task
    show(['after', isFree()])`)
  t.strictSame(written, ['still held', ['task', false], ['after', true]])
})

t.test('two tasks at once share it, and the last one lets go', options, async (t) => {
  const written = await runPrivately(`
    const under = await it.openXtablesLock(false)
    ${asNobody}
    show(isFree())
    const inside = [gate(), gate()]
    const outside = [gate(), gate()]
    const tasks = [0, 1].map((index) => under(async () => { inside[index].open(); await outside[index].opened; return index }))
    await Promise.all(inside.map(({ opened }) => opened))
    show(['both inside', isFree()])
    outside[0].open()
    show([await tasks[0], isFree()])
    outside[1].open()
    show([await tasks[1], isFree()])
    await under(async () => show(['once more', isFree()]))
    show(isFree())`)
  t.strictSame(written, [true, ['both inside', false], [0, false], [1, true], ['once more', false], true])
})

t.test('a task that throws lets go, and its error is handed on', options, async (t) => {
  const written = await runPrivately(`
    const under = await it.openXtablesLock(false)
    ${asNobody}
    await under(async () => { throw new Error('the task’s own') }).catch(({ message }) => show(message))
    show(isFree())`)
  t.strictSame(written, ['the task’s own', true])
})

t.test('where there is no lock, tasks just run, until somebody makes one', options, async (t) => {
  const written = await runPrivately(
    `
    unlinkSync('/run/xtables.lock')
    const under = await it.openXtablesLock(false)
    ${asNobody}
    show(await under(async () => 'ran'))
    show(existsSync('/run/xtables.lock'))
    show(spawnSync('touch', ['/run/xtables.lock']).status)
    await under(async () => show('ran')).catch(({ code, message }) => show([code, message]))`,
    'mode=777',
  )
  t.strictSame(written, [
    'ran',
    false,
    0,
    ['firewall-busy', '/run/xtables.lock was made by another program meanwhile, and only root can open it'],
  ])
})

t.test('who needs it makes it, for root alone, as iptables does', options, async (t) => {
  const written = await runPrivately(`
    unlinkSync('/run/xtables.lock')
    const under = await it.openXtablesLock(true)
    show((statSync('/run/xtables.lock').mode & 0o777).toString(8))
    chmodSync('/run/xtables.lock', 0o644)
    ${asNobody}
    await under(async () => show(isFree()))`)
  t.strictSame(written, ['600', false])
})

t.test(
  'a lock that does not come free is a failure that names its holder, and the task is not run',
  options,
  async (t) => {
    const written = await runPrivately(`
    const held = await lockElsewhere()
    const under = await it.openXtablesLock(false)
    ${asNobody}
    // The clock runs on when the lock has been tried: nobody has to wait for ten seconds.
    const now = performance.now.bind(performance)
    let tries = 0
    performance.now = () => now() + 5_000 * tries++
    await under(async () => show('ran')).catch(({ code, message }) => show([code, message.replace(String(held.pid), 'PID')]))
    performance.now = now
    held.stdin.end()
    await under(async () => show('ran afterwards'))`)
    t.strictSame(written, [
      ['firewall-busy', 'process PID (sh) has held the lock of iptables, /run/xtables.lock, for 10 s'],
      'ran afterwards',
    ])
  },
)

t.test('programs that are run inherit no lock', options, async (t) => {
  const written = await runPrivately(`
    const under = await it.openXtablesLock(false)
    ${asNobody}
    const sleeper = await under(async () => spawn('sleep', ['600'], { stdio: 'ignore' }))
    // Between fork and exec a process has all descriptors: it is the program once it has its command line.
    while (!readFileSync('/proc/' + sleeper.pid + '/cmdline', 'latin1').startsWith('sleep')) await new Promise((resolve) => setImmediate(resolve))
    show(isFree())
    sleeper.kill()`)
  t.strictSame(written, [true])
})

// Its programs lock the file themselves then (environment() of firewall/run.ts), and would wait for us.
t.test('a process that is still root does not hold it', options, async (t) => {
  const written = await runPrivately(`
    const under = await it.openXtablesLock(false)
    await under(async () => show(['as root', isFree()]))
    ${asNobody}
    await under(async () => show(['as nobody', isFree()]))`)
  t.strictSame(written, [
    ['as root', true],
    ['as nobody', false],
  ])
})

/** Runs a body with a /run of its own, so that the lock is not this machine's. Returns the values that it showed. */
async function runPrivately(body: string, mode = 'mode=755'): Promise<unknown[]> {
  // Readable for all, unlike the real one, so that it can be tried when the process is not root any more.
  const setUp = `mount -t tmpfs -o ${mode} none /run && install -m 644 /dev/null /run/xtables.lock && exec "$@"`
  const { stdout } = await run([
    'unshare',
    '-m',
    'sh',
    '-c',
    setUp,
    'sh',
    ...withBuiltModule('kernel/xtables-lock.js', preamble + body),
  ])
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as unknown)
}
