import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { scriptedResponder } from '../control/scripted-responder.js'
import { temporaryDirectory } from '../temporary-directory.js'
import { failsWith, runHook } from './command.js'

const token = 'token-of-16-chars'
const keyAuthorization = `${token}.print`
const ok = '{"version":1,"ok":true}\n'
const refusal = '{"version":1,"ok":false,"code":"firewall-busy","message":"somebody holds the lock"}\n'

/** How each client arms, disarms, and calls for something that is not ours; and what it wants to hear of the latter. */
const clients = {
  dehydrated: {
    arm: ['deploy_challenge', 'a.example', token, keyAuthorization],
    disarm: ['clean_challenge', 'a.example', token, keyAuthorization],
    other: ['startup_hook', '--port'],
    alone: 0,
    bad: [[], ['deploy_challenge', 'a.example'], ['deploy_challenge', 'a.example', 'short', 'short.print']],
    disarmFailure: 0,
    input: '',
  },
  uacme: {
    arm: ['begin', 'http-01', 'a.example', token, keyAuthorization],
    disarm: ['failed', 'http-01', 'a.example', token, keyAuthorization],
    other: ['begin', 'dns-01', 'a.example', token, 'digest'],
    alone: 1,
    bad: [[], ['begin', 'http-01', 'a.example'], ['begin', 'http-01', 'a.example', 'short', 'short.print']],
    disarmFailure: 1,
    input: '',
  },
  acmetool: {
    arm: ['challenge-http-start', 'a.example', 'target', token],
    disarm: ['challenge-http-stop', 'a.example', 'target', token],
    other: ['live-updated'],
    alone: 42,
    bad: [[], ['challenge-http-start', 'a.example'], ['challenge-http-start', 'a.example', 'target', 'short']],
    disarmFailure: 1,
    input: keyAuthorization,
  },
} as const

for (const [name, client] of Object.entries(clients) as [
  keyof typeof clients,
  (typeof clients)[keyof typeof clients],
][]) {
  const run = (runDir: string, words: readonly string[], options: readonly string[] = []) =>
    runHook(name, ['--run-dir', runDir, ...options, ...words], {}, [], client.input)

  t.test(`${name}: a challenge is armed, and disarmed`, async (t) => {
    const { runDir, asked } = await responder(t, () => ok)
    for (const words of [client.arm, client.disarm])
      t.strictSame(await run(runDir, words), { exitCode: 0, stdout: '', stderr: '' }, words.join(' '))
    t.match(asked(), [
      { op: 'arm', token, keyAuthorization, identifier: 'a.example', port: 80 },
      { op: 'disarm', token },
    ])
  })

  t.test(`${name}: bad input is two lines and status 1, and nothing is armed`, async (t) => {
    const { runDir, asked } = await responder(t, () => ok)
    for (const words of client.bad)
      failsWith(t, await run(runDir, words), 'hook-arguments', `${name} ${words.join(' ')}`)
    failsWith(t, await run(runDir, client.arm, ['--bogus']), 'bad-option', 'an option that does not exist')
    t.strictSame(asked(), [])
  })

  t.test(`${name}: what the responder refuses stops the client`, async (t) => {
    const { runDir } = await responder(t, () => refusal)
    failsWith(t, await run(runDir, client.arm), 'firewall-busy', 'arm')
    const { exitCode, stderr } = await run(runDir, client.disarm)
    t.equal(exitCode, client.disarmFailure)
    t.match(stderr, /^certbot-nfq: somebody holds the lock\n.*\[firewall-busy, /)
  })

  t.test(`${name}: what is not ours is nothing to us, but all for the hook of --then`, async (t) => {
    const { runDir, asked } = await responder(t, () => ok)
    t.strictSame(await run(runDir, client.other), { exitCode: client.alone, stdout: '', stderr: '' })
    const then = otherHook(t, 7)
    t.strictSame(await run(runDir, client.other, ['--then', then.path]), { exitCode: 7, stdout: 'theirs', stderr: '' })
    t.strictSame(then.calls(), [[client.input, ...client.other]])
    t.strictSame(asked(), [])
  })

  t.test(`${name}: the hook of --then comes after ours, and gets the same`, async (t) => {
    const { runDir, asked } = await responder(t, () => ok)
    const then = otherHook(t, 0)
    for (const words of [client.arm, client.disarm]) {
      t.strictSame(await run(runDir, words, [`--then=${then.path}`]), { exitCode: 0, stdout: 'theirs', stderr: '' })
      t.equal(asked().length, then.calls().length)
    }
    t.strictSame(
      then.calls(),
      [client.arm, client.disarm].map((words) => [client.input, ...words]),
    )
  })

  t.test(`${name}: when the hook of --then fails, its status counts, and nothing stays armed`, async (t) => {
    const { runDir, asked } = await responder(t, () => ok)
    const then = otherHook(t, 7)
    t.match(await run(runDir, client.arm, ['--then', then.path]), { exitCode: 7, stderr: '' })
    t.match(asked(), [{ op: 'arm' }, { op: 'disarm', token }])
    t.match(await run(runDir, client.disarm, ['--then', then.path]), { exitCode: 7, stderr: '' })
    failsWith(t, await run(runDir, client.arm, ['--then', '/nowhere/hook']), 'then-failed', 'one that is not there')
    t.match(asked().slice(-2), [{ op: 'arm' }, { op: 'disarm', token }])
  })

  t.test(`${name}: when ours cannot arm, the hook of --then is not run; when it cannot disarm, it is`, async (t) => {
    const { runDir } = await responder(t, () => refusal)
    const then = otherHook(t, 0)
    failsWith(t, await run(runDir, client.arm, ['--then', then.path]), 'firewall-busy', 'arm')
    t.strictSame(then.calls(), [])
    t.match(await run(runDir, client.disarm, ['--then', then.path]), { exitCode: client.disarmFailure })
    t.strictSame(then.calls(), [[client.input, ...client.disarm]])
  })
}

t.test('acmetool: a hook of --then that does not know the event leaves the challenge to ours', async (t) => {
  const { runDir, asked } = await responder(t, () => ok)
  const then = otherHook(t, 42)
  const { arm, disarm } = clients.acmetool
  for (const words of [arm, disarm])
    t.match(
      await runHook('acmetool', [`--run-dir=${runDir}`, `--then=${then.path}`, ...words], {}, [], keyAuthorization),
      { exitCode: 0 },
    )
  t.match(asked(), [{ op: 'arm' }, { op: 'disarm' }])
})

t.test('dehydrated: of a chain that cannot be armed as a whole nothing stays armed', async (t) => {
  const names = Array.from({ length: 5 }, (_, at) => `${token}-${at}`)
  const { runDir, asked } = await responder(t, (line) => (line.includes(`"arm","token":"${token}-3"`) ? refusal : ok))
  const words = names.flatMap((name) => ['a.example', name, `${name}.print`])
  failsWith(
    t,
    await runHook('dehydrated', ['--run-dir', runDir, 'deploy_challenge', ...words]),
    'firewall-busy',
    'the chain',
  )
  const ofKind = (kind: string) =>
    asked()
      .filter(({ op }) => op === kind)
      .map((message) => message['token'])
  t.strictSame(
    ofKind('disarm').sort(),
    ofKind('arm')
      .filter((name) => name !== `${token}-3`)
      .sort(),
  )
  t.ok(ofKind('disarm').includes(names[0]), 'the first, which was armed before')
})

t.test('options end where the words of the client begin, and -- ends them too', async (t) => {
  const { runDir, asked } = await responder(t, () => ok)
  const { arm } = clients.dehydrated
  t.match(await runHook('dehydrated', ['--run-dir', runDir, '--port', '8080', '--verbose', '--', ...arm]), {
    exitCode: 0,
    stderr: '',
  })
  t.match(await runHook('certbot-nfq', ['dehydrated', '--run-dir', runDir, ...arm]), { exitCode: 0, stderr: '' })
  t.match(asked(), [
    { op: 'arm', port: 8080 },
    { op: 'arm', port: 80 },
  ])
})

/** A responder that answers with a line of the test's. */
async function responder(t: Test, answer: (line: string) => string) {
  const runDir = temporaryDirectory(t)
  const { lines } = await scriptedResponder(t, join(runDir, 'control'), answer)
  return { runDir, asked: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) }
}

/** A hook of the user's that notes its standard input and arguments, says something, and ends with a status. */
function otherHook(t: Test, status: number) {
  const directory = temporaryDirectory(t)
  const [path, notes] = [join(directory, 'hook'), join(directory, 'notes')]
  writeFileSync(notes, '')
  writeFileSync(path, `#!/bin/sh\n{ cat; printf '|%s' "$@"; echo; } >>'${notes}'\nprintf theirs\nexit ${status}\n`)
  chmodSync(path, 0o755)
  return {
    path,
    calls: () =>
      readFileSync(notes, 'utf8')
        .split('\n')
        .slice(0, -1)
        .map((line) => line.split('|')),
  }
}
