import { chmodSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { nodeFlags } from '../../src/cli/node-flags.js'
import { formatOptions, readOptions } from '../../src/cli/options.js'
import { waitUntil } from '../../src/lab/wait-until.js'
import { makeClone, options } from './keeper-clone.js'

const forever = 'exec sleep 600'

t.test('a responder that listens, or finds another, is a success, and is left running', async (t) => {
  for (const state of ['listening', 'taken']) {
    const clone = await makeClone(t, `${report({ state })}; ${forever}`)
    t.equal(await clone.launch.launchInBackground(options), undefined, state)
    t.doesNotThrow(() => process.kill(clone.keeperPid(), 0), 'it does not wait for the end')
  }
})

t.test('a report may come in pieces', async (t) => {
  const { launch } = await makeClone(
    t,
    `printf '{"state":' >&3; sleep 0.1; printf '"listening"}' >&3; sleep 0.1; echo >&3; ${forever}`,
  )
  t.equal(await launch.launchInBackground(options), undefined)
})

t.test('a failure of the responder is a failure here', async (t) => {
  const { launch } = await makeClone(
    t,
    `${report({ state: 'failed', code: 'queue-unavailable', message: 'NFQUEUE number 7 is “taken”' })}; exit 1`,
  )
  await t.rejects(launch.launchInBackground(options), {
    name: 'Failure',
    code: 'queue-unavailable',
    message: 'NFQUEUE number 7 is “taken”',
  })
})

t.test('a code that this version does not know is that of a start that failed', async (t) => {
  for (const code of ['of-the-future', 'toString', '']) {
    const { launch } = await makeClone(t, `${report({ state: 'failed', code, message: 'why' })}; exit 1`)
    await t.rejects(launch.launchInBackground(options), { code: 'responder-not-started', message: 'why' }, code)
  }
})

t.test('no report, half of one and garbage are a start that failed', async (t) => {
  for (const body of [
    'exit 0',
    'exit 1',
    'kill -KILL $$',
    `printf '{"state":"liste' >&3`,
    'echo garbage >&3',
    'echo >&3',
    `exec 3>&-; ${forever}`,
  ]) {
    const { launch } = await makeClone(t, body)
    await t.rejects(
      launch.launchInBackground(options),
      { code: 'responder-not-started', message: 'the responder ended before it was ready' },
      body,
    )
  }
})

t.test('a start that hangs is ended, keeper and responder', async (t) => {
  const sleeping = `const { writeFileSync } = require('node:fs')\nwriteFileSync(__dirname + '/pid-of-responder', String(process.pid))\n`
  for (const [hangs, responder, how] of [
    ['the keeper', '', 'is stopped'],
    ['the responder', `process.kill(process.pid, 'SIGSTOP')`, 'is stopped'],
    ['the responder', 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)', 'sleeps and does not wake up'],
  ] as const) {
    const clone = await makeClone(
      t,
      responder === '' ? 'kill -STOP $$' : `'${process.execPath}' "\${0%/hooks/keep}/responder.cjs" background; exit 1`,
    )
    writeFileSync(join(clone.path, 'responder.cjs'), sleeping + responder)
    await t.rejects(
      clone.launch.launchInBackground(options),
      { code: 'responder-not-started', message: `the start of the responder ${how}: it was ended` },
      hangs,
    )
    await waitUntil(() => isGone(clone.keeperPid()), 'the keeper to end')
    if (responder !== '')
      await waitUntil(
        () => isGone(Number(readFileSync(join(clone.path, 'pid-of-responder'), 'utf8'))),
        'the responder to end',
      )
  }
})

t.test('JSON that is no report is one too', async (t) => {
  for (const said of [null, 5, {}, { state: 'unheard-of' }]) {
    const { launch } = await makeClone(t, `${report(said)}; exit 0`)
    await t.rejects(launch.launchInBackground(options), { code: 'responder-not-started' }, JSON.stringify(said))
  }
})

t.test('a keeper that cannot be started is a failure with the reason', async (t) => {
  const { launch, keeper } = await makeClone(t, 'exit 0')
  for (const [breakIt, reason] of [
    [() => chmodSync(keeper, 0o644), /EACCES/],
    [() => rmSync(keeper), /ENOENT/],
  ] as const) {
    breakIt()
    await t.rejects(launch.launchInBackground(options), { code: 'responder-not-started', message: reason })
    await t.rejects(launch.launchInForeground(options), { code: 'responder-not-started', message: reason })
  }
})

t.test('the keeper is told run directory, Node, its flags, program, mode and options', async (t) => {
  const clone = await makeClone(t, `${report({ state: 'listening' })}; exit 0`)
  await clone.launch.launchInBackground(options)
  t.strictSame(clone.words(), [
    options.runDir,
    process.execPath,
    nodeFlags(process.version).join(' '),
    `${clone.path}/dist/cli/responder.cjs`,
    'background',
    ...formatOptions(options),
  ])
  t.strictSame(readOptions(clone.words().slice(5), {}), options)
  await clone.launch.launchInForeground(options)
  t.equal(clone.words()[4], 'foreground')
})

t.test('in the background it has a session, streams, directory and environment of its own', async (t) => {
  t.teardown(() => delete process.env['CERTBOT_NFQ_TTL'])
  process.env['CERTBOT_NFQ_TTL'] = '7'
  // Read before any redirection, for which the shell points its own standard output elsewhere for a moment.
  const readStreams = 'echo "$(readlink /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/2)" >"${0%/*}/streams"'
  const clone = await makeClone(t, `${readStreams}; ${report({ state: 'listening' })}; ${forever}`)
  await clone.launch.launchInBackground(options)
  const pid = clone.keeperPid()
  t.equal(sessionOf(pid), pid)
  t.equal(readFileSync(join(clone.path, 'hooks/streams'), 'utf8'), '/dev/null\n/dev/null\n/dev/null\n')
  t.equal(readlinkSync(`/proc/${pid}/cwd`), '/')
  const names = readFileSync(`/proc/${pid}/environ`, 'utf8')
    .split('\0')
    .filter(Boolean)
    .map((variable) => variable.split('=')[0])
  t.strictSame(
    names.filter(
      (name) =>
        !['PWD', 'OLDPWD', '_', 'SHLVL'].includes(name ?? '') &&
        !name?.startsWith('TAP') &&
        !name?.includes('TAPJS') &&
        name !== 'NODE_OPTIONS',
    ),
    ['PATH'],
  )
})

t.test('a hook is done as soon as its responder listens', async (t) => {
  const clone = await makeClone(t, `${report({ state: 'listening' })}; ${forever}`)
  const hook = clone.run(`await launch.launchInBackground(options); console.log('launched')`)
  t.match(await hook.exited, { exitCode: 0 })
  t.equal(hook.output(), 'launched\n')
  t.doesNotThrow(() => process.kill(clone.keeperPid(), 0))
})

t.test('in the foreground the exit status is the keeper’s, and so are the streams', async (t) => {
  for (const [end, status] of [
    ['exit 0', 0],
    ['exit 7', 7],
    ['kill -KILL $$', 1],
  ] as const) {
    const clone = await makeClone(t, `echo out; echo err >&2; ${end}`)
    const command = clone.run('console.log(await launch.launchInForeground(options))')
    t.match(await command.exited, { exitCode: 0 })
    t.strictSame(command.output().split('\n').filter(Boolean).sort(), [String(status), 'err', 'out'], end)
  }
})

t.test('in the foreground signals go to keeper and responder alike', async (t) => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    const clone = await makeClone(
      t,
      `trap : TERM INT HUP; sh -c 'trap "echo told; exit 5" TERM INT HUP; echo ready; while :; do sleep 0.02; done'; exit $?`,
    )
    const command = clone.run('process.exit(await launch.launchInForeground(options))')
    t.teardown(() => command.stop('SIGKILL'))
    await command.waitForOutput(/ready/)
    await command.stop(signal)
    t.match(await command.exited, { exitCode: 5 }, signal)
    t.match(command.output(), /told/)
  }
})

/** The shell's words that write a start report. */
function report(said: unknown): string {
  return `printf '%s\\n' '${JSON.stringify(said)}' >&3`
}

function sessionOf(pid: number): number {
  // The name, second, may have blanks in it.
  return Number(readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ')[3])
}

/** Whether the process has ended, be it that nobody has asked after it yet. */
function isGone(pid: number): boolean {
  try {
    return /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'))
  } catch {
    return true
  }
}
