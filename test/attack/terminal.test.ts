/** An attacker who has taken over a process that root started from a shell tries to type commands into that shell. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { inRepository } from '../../src/lab/repository.js'
import { withBuiltModule } from '../kernel/built-module.js'
import { requiresKernel } from '../requires-kernel.js'
import { openArmedLab, parentOf, programs } from '../scenarios/armed-lab.js'

/** The words that run others in a terminal of their own. */
const inTerminal = (...words: readonly string[]) => [
  'script',
  '--quiet',
  '--return',
  '--command',
  words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' '),
  '/dev/null',
]

t.test('watch cannot type into its terminal, by any thread', await requiresKernel(...programs), async (t) => {
  const lab = await openArmedLab(t, { noWebServer: true })
  // The rights of watch once it reads what others send. A thread of Node's pool is there before.
  const body = `
    import { readFile } from 'node:fs'
    import { getSystemErrorName } from 'node:util'
    import koffi from 'koffi'
    const ioctl = koffi.load(null).func('int ioctl(int, unsigned long, const void *)')
    const type = (request = 0x5412) => (ioctl(0, request, Buffer.from('x')) < 0 ? getSystemErrorName(-koffi.errno()) : 'typed')
    const typeInThread = () => new Promise((resolve) =>
      ioctl.async(0, 0x5412, Buffer.from('x'), (error, result) => resolve(result < 0 ? 'refused' : 'typed')))
    await new Promise((resolve) => readFile('/proc/self/stat', resolve))
    const before = [type(), await typeInThread()]
    await it.dropAllPrivileges({ uid: 33, gid: 33 })
    show({ before, after: [type(), await typeInThread()], console: type(0x541c), size: ioctl(0, 0x5413, Buffer.alloc(8)) })`
  const { stdout } = await lab.server.exec(inTerminal(...withBuiltModule('kernel/privileges.js', body)))
  // What was typed is echoed.
  t.match(JSON.parse(stdout.slice(stdout.indexOf('{'))), {
    before: ['typed', 'typed'],
    after: ['EPERM', 'refused'],
    console: 'EPERM',
    size: 0,
  })
})

t.test('neither responder nor keeper has a terminal', await requiresKernel(...programs), async (t) => {
  const lab = await openArmedLab(t, { noWebServer: true })
  const serve = lab.server.spawn(inTerminal(inRepository('hooks/certbot-nfq'), 'serve', '--run-dir', lab.runDirectory))
  await serve.waitForOutput(/ info listening in /)
  const { pid } = await lab.running()
  const keeper = parentOf(pid)
  t.equal(terminalOf(pid), 0)
  t.equal(terminalOf(keeper), 0)
  t.not(terminalOf(parentOf(keeper)), 0, 'the command that root has started has one')
  process.kill(-keeper, 'SIGTERM')
  await serve.exited
  t.strictSame(await lab.leftovers(), [])
})

/** The controlling terminal of a process (tty_nr of proc(5)); 0 for none. */
function terminalOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  return Number(stat.slice(stat.lastIndexOf(') ') + 2).split(' ')[4])
}
