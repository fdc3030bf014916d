import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { run, type Finished } from '../../src/lab/run.js'
import { inRepository } from '../../src/lab/repository.js'
import { snapshotRules } from '../../src/lab/rules.js'
import { scriptedResponder } from '../control/scripted-responder.js'
import { requiresKernel } from '../requires-kernel.js'
import { openArmedLab, programs, type ArmedLab } from './armed-lab.js'
import { challengeFor, type Challenge } from './challenge.js'
import { exchange } from './tcp-client.js'

const theirs = challengeFor('of the other version')
const ours = challengeFor('of this version')
const silence = { exitCode: 0, stdout: '', stderr: '' }
const twoLines =
  /^certbot-nfq: hook and responder speak different protocol versions \(.*\)\nStop the old responder with: (?:\S*\/)?certbot-nfq stop .* \[protocol-version, \/.+\/docs\/errors\.md#protocol-version\]\n$/

t.test('an upgrade between auth and cleanup', await requiresKernel(...programs), async (t) => {
  t.test(
    'auth says so in two lines, cleanup takes back what the other version has armed, and nothing stays',
    async (t) => {
      const lab = await openArmedLab(t)
      const other = await installOtherVersion(lab)
      for (const [before, after] of [
        [other, thisVersion(lab)],
        [thisVersion(lab), other],
      ] as const) {
        t.same(await before.hook('auth', theirs), silence)
        const rules = await snapshotRules(lab.server)
        const { exitCode, stdout, stderr } = await after.hook('auth', ours)
        t.same([exitCode, stdout], [1, ''])
        t.match(stderr, twoLines)
        t.equal(await snapshotRules(lab.server), rules, 'nothing was changed')
        t.equal(
          await exchange(lab.validator, { address: lab.server.addresses.ipv4 }, theirs.request),
          theirs.reply,
          'and the other version still answers',
        )
        t.same(await after.hook('cleanup', ours), silence, 'the cleanup of what was never armed')
        t.same(await after.hook('cleanup', theirs), silence)
        t.same(await lab.leftovers(), [])
        await checkOrdinary(t, lab)
      }
    },
  )

  t.test('certbot-nfq stop ends a responder of another version, whatever it has armed', async (t) => {
    const lab = await openArmedLab(t)
    const other = await installOtherVersion(lab)
    t.same(await other.hook('auth', theirs), silence)
    t.match(await thisVersion(lab).command('status'), { exitCode: 1, stdout: '', stderr: twoLines })
    t.same(await thisVersion(lab).command('stop'), {
      exitCode: 0,
      stdout: 'Stopped; its rules are removed.\n',
      stderr: '',
    })
    t.same(await lab.leftovers(), [])
    t.same(await thisVersion(lab).hook('cleanup', theirs), silence, 'the cleanup that comes after it')
    await checkOrdinary(t, lab)
  })

  t.test('one that refuses everything but stop is not waited for', async (t) => {
    const lab = await openArmedLab(t)
    const rules = await snapshotRules(lab.server)
    mkdirSync(lab.runDirectory, { mode: 0o700 })
    const refused = `${JSON.stringify({ version: 2, ok: false, code: 'protocol-version', message: 'hook and responder speak different protocol versions (1, 2)' })}\n`
    const responder = await scriptedResponder(t, join(lab.runDirectory, 'control'), (line) =>
      line.includes('"op":"stop"') ? '{"version":2,"ok":true,"stopped":true,"more":{}}\n' : refused,
    )
    for (const name of ['auth', 'cleanup'] as const)
      t.match(await thisVersion(lab).hook(name, ours), { exitCode: 1, stdout: '', stderr: twoLines }, name)
    t.match(await thisVersion(lab).command('stop'), { exitCode: 0, stderr: '' })
    t.match(
      responder.lines.map((line) => JSON.parse(line) as unknown),
      [{ op: 'arm' }, { op: 'disarm' }, { op: 'stop' }],
    )
    await responder.close()
    t.equal(await snapshotRules(lab.server), rules, 'no rules')
    await checkOrdinary(t, lab)
  })

  t.test('one that says yes to everything in another version is not believed', async (t) => {
    const lab = await openArmedLab(t)
    mkdirSync(lab.runDirectory, { mode: 0o700 })
    const responder = await scriptedResponder(t, join(lab.runDirectory, 'control'), () => '{"version":2,"ok":true}\n')
    t.match(await thisVersion(lab).hook('auth', ours), { exitCode: 1, stdout: '', stderr: twoLines })
    await responder.close()
    await checkOrdinary(t, lab)
  })
})

/** The programs of one version, on the lab's run directory. */
interface Installed {
  hook(name: 'auth' | 'cleanup', challenge: Challenge): Promise<Finished>
  command(name: 'status' | 'stop'): Promise<Finished>
}

function thisVersion(lab: ArmedLab): Installed {
  return installedAt(lab, inRepository('.'))
}

/** This program as it will be when its protocol has changed: a copy with another number. */
async function installOtherVersion(lab: ArmedLab): Promise<Installed> {
  const root = join(lab.directory, 'other-version')
  for (const name of ['dist', 'hooks', 'package.json'])
    cpSync(inRepository(name), join(root, name), { recursive: true })
  symlinkSync(inRepository('node_modules'), join(root, 'node_modules'))
  const file = join(root, 'dist/control/message.js')
  const text = readFileSync(file, 'utf8')
  const changed = text.replace('PROTOCOL_VERSION = 1;', 'PROTOCOL_VERSION = 2;')
  if (changed === text) throw new Error('no PROTOCOL_VERSION = 1 in dist/control/message.js')
  writeFileSync(file, changed)
  await run([process.execPath, join(root, 'dist/build/bundle.js')])
  return installedAt(lab, root)
}

function installedAt(lab: ArmedLab, root: string): Installed {
  const call = (words: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    lab.server.exec([join(root, 'hooks', words[0] ?? ''), ...words.slice(1), '--run-dir', lab.runDirectory], {
      reject: false,
      timeout: 240_000,
      env,
    })
  return {
    hook: (name, { token, keyAuthorization }) =>
      call([name], { CERTBOT_DOMAIN: 'example.com', CERTBOT_TOKEN: token, CERTBOT_VALIDATION: keyAuthorization }),
    command: (name) => call(['certbot-nfq', name]),
  }
}

/** Afterwards everything works as ever. */
async function checkOrdinary(t: Test, lab: ArmedLab): Promise<void> {
  await lab.arm(ours)
  for (const address of [lab.server.addresses.ipv4, lab.server.addresses.ipv6])
    t.equal(await exchange(lab.validator, { address }, ours.request), ours.reply, `afterwards, at ${address}`)
  t.same(await lab.cleanup(ours), silence)
  t.same(await lab.leftovers(), [])
}
