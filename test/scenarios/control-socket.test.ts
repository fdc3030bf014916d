import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createConnection, type Socket } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { snapshotRules } from '../../src/lab/rules.js'
import { waitUntil } from '../../src/lab/wait-until.js'
import { requiresKernel } from '../requires-kernel.js'
import { openArmedLab, programs, type ArmedLab } from './armed-lab.js'
import { challengeFor } from './challenge.js'
import { exchange } from './tcp-client.js'

const challenge = challengeFor('control socket')
const second = challengeFor('control socket, second')

/** A user that is neither root nor the responder's. */
const STRANGER = 65_533

t.test('run directory and control socket let in nobody but root', await requiresKernel(...programs), async (t) => {
  t.test('a run directory that is not safe is refused in two lines, and nothing is started', async (t) => {
    const lab = await openArmedLab(t)
    const before = await snapshotRules(lab.server)
    const processes = (await lab.server.processes()).length
    const directory = (name: string, make: (path: string) => void, reason: RegExp) => ({ name, make, reason })
    const made =
      (mode: number, uid = 0) =>
      (path: string) => {
        mkdirSync(path)
        chmodSync(path, mode)
        chownSync(path, uid, 0)
      }
    const unsafe = [
      directory('owned', made(0o700, STRANGER), /belongs to user id 65533/),
      directory('group', made(0o770), /can be written to by others/),
      directory('others', made(0o702), /can be written to by others/),
      directory('sticky', made(0o1777), /can be written to by others/),
      directory('file', (path) => writeFileSync(path, ''), /is not a directory/),
      directory('link', (path) => symlinkSync(lab.directory, path), /is not a directory/),
      directory('dangling', (path) => symlinkSync(join(lab.directory, 'nowhere'), path), /is not a directory/),
    ]
    for (const { name, make, reason } of unsafe) {
      const hooks = lab.hooksIn(name)
      make(hooks.runDirectory)
      const { exitCode, stdout, stderr } = await hooks.auth(challenge)
      t.same([exitCode, stdout], [1, ''], name)
      t.match(stderr, /^certbot-nfq: .*\n.+ \[run-directory, \/.+\/docs\/errors\.md#run-directory\]\n$/, name)
      t.match(stderr, reason, name)
      const entry = lstatSync(hooks.runDirectory)
      if (entry.isDirectory()) t.same(readdirSync(hooks.runDirectory), [], `${name}: nothing in it`)
    }
    t.equal(await snapshotRules(lab.server), before)
    t.equal((await lab.server.processes()).length, processes)
  })

  t.test('what it makes is root’s or the responder’s alone', async (t) => {
    const lab = await openArmedLab(t)
    await lab.arm(challenge)
    t.equal(statSync(lab.runDirectory).mode & 0o7777, 0o700)
    t.equal(statSync(lab.runDirectory).uid, 0)
    for (const name of readdirSync(lab.runDirectory))
      t.equal(statSync(join(lab.runDirectory, name)).mode & 0o7777, 0o600, name)
    t.same(readdirSync(lab.runDirectory).sort(), ['control', 'lock'])
    await end(t, lab)
  })

  t.test('a peer that is not root is turned away even where the modes would let it in', async (t) => {
    const lab = await openArmedLab(t)
    await lab.arm(challenge)
    // On the way to the socket and at it; the lab's own directory is private too.
    for (const [path, mode] of [
      [lab.directory, 0o755],
      [lab.runDirectory, 0o755],
      [join(lab.runDirectory, 'control'), 0o666],
    ] as const)
      chmodSync(path, mode)
    const { stdout } = await lab.server.exec([
      'setpriv',
      `--reuid=${STRANGER}`,
      `--regid=${STRANGER}`,
      '--clear-groups',
      process.execPath,
      '-e',
      SAY_STOP,
      join(lab.runDirectory, 'control'),
    ])
    t.match(JSON.parse(stdout), { ok: false, code: 'not-root' })
    t.match((await lab.running()).log.join('\n'), /warning refused: .*\[not-root\]/)
    t.same(
      (await lab.running()).challenges.map(({ token }) => token),
      [challenge.token],
      'it has ended nothing',
    )
    t.equal(await exchange(lab.validator, { address: lab.server.addresses.ipv4 }, challenge.request), challenge.reply)
    chmodSync(lab.runDirectory, 0o700)
    await end(t, lab)
  })

  t.test('what is malformed or too long is answered with an error, and logged', async (t) => {
    const lab = await openArmedLab(t)
    await lab.arm(challenge)
    const deep = '['.repeat(30_000) + ']'.repeat(30_000)
    const sayings = [
      ['GET / HTTP/1.1\n', 'control-malformed'],
      ['{"version":1,"op":"destroy"}\n', 'control-malformed'],
      ['{"version":1,"op":"arm","token":7}\n', 'control-malformed'],
      ['{"version":99,"op":"status"}\n', 'protocol-version'],
      [`{"version":1,"op":${deep}}\n`, 'control-malformed'],
      [`{"version":1,"op":"${'x'.repeat(60_000)}"}\n`, 'control-malformed'],
      ['x'.repeat(70_000), 'control-malformed'],
    ] as const
    for (const [saying, code] of sayings) {
      t.match(JSON.parse(await converse(lab, saying)), { ok: false, code }, saying.slice(0, 40))
      t.match(
        (await lab.running()).log.at(-1),
        new RegExp(`warning refused: .{1,200} \\[${code}\\]$`),
        saying.slice(0, 40),
      )
    }
    await end(t, lab)
  })

  t.test('1,000 connections that say nothing do not stop a hook, and are closed', async (t) => {
    const lab = await openArmedLab(t)
    await lab.arm(challenge)
    // From the first change of tokens on, the responder keeps programs running and so a few sockets more.
    await lab.arm(second)
    await lab.cleanup(second)
    const { pid } = await lab.running()
    const before = socketsOf(pid)
    const sockets: Socket[] = []
    t.teardown(() => {
      for (const socket of sockets) socket.destroy()
    })
    let told = 0
    // In crowds below the socket's backlog (511), beyond which connect(2) fails at once.
    for (let crowd = 0; crowd < 4; crowd++) {
      const arrived = Array.from({ length: 250 }, () => silent(lab, () => told++))
      for (const socket of await Promise.all(arrived)) sockets.push(socket)
      // They are accepted in turn: when this is answered, the backlog has room again.
      await lab.running()
    }
    await lab.arm(second)
    t.same((await lab.running()).challenges.length, 2, 'armed beside them')
    t.equal((await lab.cleanup(second)).exitCode, 0, 'and disarmed')
    await waitUntil(() => told === 1_000, 'every silent client to be told')
    // They hold their own ends open still: that must not hold the responder's.
    await waitUntil(() => socketsOf(pid) <= before + 1, 'the responder to close its ends')
    await end(t, lab)
  })
})

/** The program of another user: sends `stop` to the socket and prints the answer. */
const SAY_STOP = `
  const socket = require('node:net').createConnection(process.argv[1])
  socket.on('connect', () => socket.end('{"op":"stop"}\\n'))
  socket.on('error', (error) => console.log(JSON.stringify(error.code)))
  socket.pipe(process.stdout)
`

/** Connects and says nothing, not even goodbye; `onAnswer` is called when the responder speaks. */
function silent({ runDirectory }: ArmedLab, onAnswer: () => void): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path: join(runDirectory, 'control'), allowHalfOpen: true })
    socket.once('connect', () => resolve(socket)).once('data', onAnswer)
    socket.on('error', reject)
  })
}

/** Sends it. Returns all that comes back until the responder closes the connection. */
function converse({ runDirectory }: ArmedLab, saying: string): Promise<string> {
  return new Promise((resolve) => {
    let heard = ''
    const socket = createConnection(join(runDirectory, 'control')).setEncoding('utf8')
    socket.on('data', (text: string) => (heard += text))
    socket.on('error', () => socket.destroy())
    socket.on('close', () => resolve(heard))
    socket.write(saying)
  })
}

/** How many sockets a process has open. */
function socketsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).filter((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith('socket:')
    } catch {
      // Closed since.
      return false
    }
  }).length
}

async function end(t: Test, lab: ArmedLab): Promise<void> {
  t.same(await lab.cleanup(challenge), { exitCode: 0, stdout: '', stderr: '' })
  t.same(await lab.leftovers(), [])
}
