import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ask } from '../../src/client/ask.js'
import { runDirectory } from '../../src/responder/run-directory.js'
import type { Failure } from '../../src/failure.js'
import { inRepository } from '../../src/lab/repository.js'
import { run } from '../../src/lab/run.js'
import { startService } from '../../src/lab/service.js'
import { requiresKernel } from '../requires-kernel.js'
import { temporaryDirectory } from '../temporary-directory.js'

const needsRoot = await requiresKernel()
const answered = { version: 1, ok: true, stopped: true }

// Each waits most of its time.
t.jobs = 8

/**
 * Listens, and does at the first line of each connection what its second argument says; `answer(response)` ends the
 * connection.
 */
const standIn = `
const { createServer } = require('node:net')
let questions = 0
createServer((socket) => socket.once('data', (line) => {
  const { op } = JSON.parse(line)
  const answer = (response) => socket.end(JSON.stringify(response) + '\\n')
  if (op === 'status') questions++
  eval(process.argv[3])
})).listen(process.argv[2], () => console.log('listening'))
`

for (const [name, behaviour, how] of [
  ['is stopped', `process.kill(process.pid, 'SIGSTOP')`, 'is stopped'],
  ['sleeps for ever', `Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)`, 'sleeps and does not wake up'],
] as const) {
  t.test(`a responder that ${name} is ended, and then there is none`, needsRoot, async (t) => {
    const { directory, responder } = await startStandIn(t, behaviour)
    const warnings: Failure[] = []
    await t.rejects(ask(directory, { op: 'status' }), {
      code: 'responder-hangs',
      message: `the responder (process ${responder.pid}) ${how}, and answers nothing`,
    })
    t.equal(await ask(directory, { op: 'stop' }, (warning) => warnings.push(warning)), 'absent')
    t.match(warnings, [
      {
        code: 'responder-ended',
        message: new RegExp(`^the responder \\(process ${responder.pid}\\) ${how}, and answers nothing: it was ended`),
      },
    ])
    t.match(await responder.exited, { signal: 'SIGKILL' })
    t.notOk(existsSync(directory.path), 'its files are gone')
  })
}

// By the command: how much is too much is told by what its start has used, and a test has used more.
t.test('one that is busy for ever is ended as well', needsRoot, async (t) => {
  const { directory, responder } = await startStandIn(t, 'for (;;);')
  const { exitCode, stdout, stderr } = await run(
    [inRepository('hooks/certbot-nfq'), 'stop', '--run-dir', directory.path],
    { reject: false },
  )
  t.match(
    stderr,
    new RegExp(
      `^certbot-nfq: the responder \\(process ${responder.pid}\\) is busy with something that does not end, and answers nothing: it was ended`,
    ),
  )
  t.match([exitCode, stdout], [0, 'Stopped; its rules are removed.\n'])
  t.match(await responder.exited, { signal: 'SIGKILL' })
})

t.test('one that takes its time is waited for, as it still tells its status', needsRoot, async (t) => {
  const { directory, responder } = await startStandIn(
    t,
    `if (op === 'status') answer({ version: 1, ok: true }); else (function soon() { questions > 1 ? answer(${JSON.stringify(answered)}) : setTimeout(soon, 100) })()`,
  )
  t.match(await ask(directory, { op: 'stop' }, () => t.fail('it was ended')), { ok: true, stopped: true })
  t.doesNotThrow(() => process.kill(responder.pid, 0))
})

t.test('one of another version counts as alive when it refuses', needsRoot, async (t) => {
  const refusal = { version: 9, ok: false, code: 'protocol-version', message: 'another version' }
  const { directory } = await startStandIn(
    t,
    `if (op === 'status') answer(${JSON.stringify(refusal)}); else (function soon() { questions > 1 ? answer(${JSON.stringify(answered)}) : setTimeout(soon, 100) })()`,
  )
  t.match(await ask(directory, { op: 'stop' }, () => t.fail('it was ended')), { ok: true, stopped: true })
})

t.test('one that is stopped and continued soon is waited for', needsRoot, async (t) => {
  const { directory } = await startStandIn(
    t,
    `if (op === 'stop') { require('node:child_process').spawn('sh', ['-c', 'sleep 2; kill -CONT ' + process.pid]); process.kill(process.pid, 'SIGSTOP'); setTimeout(() => answer(${JSON.stringify(answered)}), 1) }`,
  )
  t.match(await ask(directory, { op: 'stop' }, () => t.fail('it was ended')), { ok: true, stopped: true })
})

t.test('who cannot look whether it hangs waits for its answer', needsRoot, async (t) => {
  const { directory } = await startStandIn(
    t,
    `if (op === 'stop') setTimeout(() => answer(${JSON.stringify(answered)}), 3_000)`,
    'responder.cjs',
    'other',
  )
  symlinkSync('lock', directory.lock)
  t.match(await ask(directory, { op: 'stop' }, () => t.fail('it was ended')), { ok: true, stopped: true })
})

t.test('who does not hold the lock of the run directory, or is no responder, is left alone', needsRoot, async (t) => {
  for (const [program, lock] of [
    ['responder.cjs', 'other'],
    ['program.cjs', 'lock'],
  ] as const) {
    const { directory, responder } = await startStandIn(t, '', program, lock)
    process.kill(responder.pid, 'SIGSTOP')
    const { untilHung } = await import('../../src/client/hung-responder.js')
    t.equal(await untilHung(directory, AbortSignal.timeout(6_000)), undefined)
    t.doesNotThrow(() => process.kill(responder.pid, 0), program)
  }
})

/** A process in the place of a responder: it listens in a run directory and holds its lock. */
async function startStandIn(t: Test, behaviour: string, program = 'responder.cjs', lock = 'lock') {
  const home = temporaryDirectory(t)
  const directory = runDirectory(join(home, 'run'))
  mkdirSync(directory.path, { mode: 0o700 })
  writeFileSync(join(home, program), standIn)
  const responder = startService([
    'env',
    '-u',
    'NODE_OPTIONS',
    'flock',
    '--no-fork',
    join(directory.path, lock),
    process.execPath,
    join(home, program),
    directory.socket,
    behaviour,
  ])
  t.teardown(() => responder.stop('SIGKILL'))
  await responder.waitForOutput(/listening/)
  return { directory, responder }
}
