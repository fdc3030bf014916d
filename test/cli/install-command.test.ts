import {
  existsSync,
  linkSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { optionsToKeep, readInstallRequest } from '../../src/cli/install-command.js'
import { readOptions } from '../../src/cli/options.js'
import { isNewEnough } from '../../src/client/certbot/certbot.js'
import { adoptable } from '../client/certbot/adoptable.js'
import { WEBROOT } from '../client/certbot/renewal-text.js'
import { failsWith } from './command.js'

t.test('options that differ from their defaults are kept, by flag or by variable', (t) => {
  t.strictSame(
    optionsToKeep(readOptions(['--port=80', '--ttl=60', '--verbose'], { CERTBOT_NFQ_LOG_FILE: '/var/log/x' })),
    ['--ttl=60', '--log-file=/var/log/x', '--verbose'],
  )
  t.end()
})

t.test('what does not go together, or is empty, is refused', (t) => {
  t.throws(() => readInstallRequest({ remove: true, adopt: 'a' }), { code: 'bad-option' })
  t.throws(() => readInstallRequest({ 'hooks-dir': '' }), { code: 'bad-option' })
  t.end()
})

t.test('reconfigure came with certbot 2.3', (t) => {
  for (const version of ['certbot 2.3.0', 'certbot 2.11.0\n', 'warning\ncertbot 5.6.0'])
    t.ok(isNewEnough(version), version)
  for (const version of ['certbot 2.1.0', 'certbot 1.32.0', 'certbot 0.40.0', ''])
    t.notOk(isNewEnough(version), version)
  t.end()
})

t.test('it shows the command and the lines, with the options given', async (t) => {
  const { install, hooks } = adoptable(t)
  const { exitCode, stdout } = await install(['--port', '8080'])
  t.equal(exitCode, 0)
  t.match(stdout, `--manual-auth-hook '${hooks}/auth --port=8080'`)
  t.match(stdout, `    manual_cleanup_hook = ${hooks}/cleanup --port=8080\n`.trimEnd())
  t.match(stdout, /For one that is there already \(example\.com\)/)
  t.strictSame(readdirSync(hooks), ['auth', 'cleanup'])
})

t.test('a dry run changes nothing at all', async (t) => {
  const { install, hooks, renewal } = adoptable(t)
  for (const words of [[], ['--adopt', 'example.com'], ['--remove']])
    t.equal((await install([...words, '--dry-run'])).exitCode, 0)
  t.notOk(existsSync(hooks))
  t.equal(readFileSync(renewal, 'utf8'), WEBROOT)
})

t.test('with an old certbot the file is edited, once', async (t) => {
  const { install, renewal, calls } = adoptable(t)
  t.match(await install(['--adopt', 'example.com']), {
    exitCode: 0,
    stdout: /Rehearse it with: certbot renew --dry-run --cert-name example\.com/,
  })
  const { ino } = statSync(renewal)
  t.match(await install(['--adopt', 'example.com']), {
    exitCode: 0,
    stdout: /example\.com uses these hooks already\.$/,
  })
  t.equal(statSync(renewal).ino, ino)
  t.equal(readFileSync(`${renewal}.before-certbot-nfq`, 'utf8'), WEBROOT)
  t.match(
    await install(['--adopt', 'example.com', '--port', '81']),
    { stdout: /-manual_auth_hook = .*\/auth$[^]*before-certbot-nfq-2$/m },
    'other options are another change',
  )
  t.notOk(calls().some((call) => call.startsWith('reconfigure')))
})

t.test(
  'a renewal configuration that is a link stays one; what the new file does not have of the old one is said',
  async (t) => {
    const { install, renewal, config } = adoptable(t)
    const elsewhere = join(config, 'elsewhere')
    renameSync(renewal, elsewhere)
    symlinkSync('../elsewhere', renewal)
    linkSync(elsewhere, join(config, 'another'))
    const { stdout } = await install(['--adopt', 'example.com'])
    t.match(
      stdout,
      `Changed ${elsewhere}, where ${renewal} leads; as it was before: ${elsewhere}.before-certbot-nfq\nNot kept: 1 other name of it (hard links), which lead to the file as it was before\n`,
    )
    t.match(readFileSync(renewal, 'utf8'), /manual_auth_hook/)
    t.equal(readFileSync(join(config, 'another'), 'utf8'), WEBROOT)
  },
)

t.test('with a new certbot it is done by reconfigure', async (t) => {
  const { install, renewal, calls, hooks, config } = adoptable(t, { version: '2.11.0' })
  t.match(await install(['--adopt', 'example.com']), { exitCode: 0 })
  t.equal(
    calls().at(-1),
    `reconfigure --cert-name example.com --manual --preferred-challenges http --manual-auth-hook ${hooks}/auth --manual-cleanup-hook ${hooks}/cleanup --non-interactive --config-dir ${config}`,
  )
  t.equal(readFileSync(renewal, 'utf8'), WEBROOT, 'the file is certbot’s to change')
  t.match(await install(['--adopt', 'example.com', '--dry-run']), {
    exitCode: 0,
    stdout: /It would be done by: certbot reconfigure /,
  })
})

t.test('what goes wrong is said in two lines', async (t) => {
  const { install, hooks, renewal } = adoptable(t, { version: '2.11.0', status: 1 })
  for (const name of ['example.org', '../renewal/example.com', '']) {
    const ended = await install(['--adopt', name])
    failsWith(t, ended, name === '' ? 'bad-option' : 'lineage-missing', JSON.stringify(name))
    if (name !== '') t.match(ended.stderr, /it has example\.com\n/)
  }
  t.notOk(existsSync(hooks), 'nothing was written')
  t.match(await install(['--adopt', 'example.com']), {
    exitCode: 1,
    stderr: /^certbot-nfq: certbot reconfigure ended with 1: .*\n.*\[reconfigure-failed, /,
  })
  writeFileSync(renewal, 'nonsense')
  failsWith(t, await install(['--adopt', 'example.com']), 'renewal-malformed', 'a file that is not certbot’s')
  writeFileSync(join(hooks, 'auth'), 'mine')
  failsWith(t, await install([]), 'hook-path-taken', 'a file of somebody else')
})

t.test('--remove takes the hook paths away, and names who uses them still', async (t) => {
  const { install, hooks } = adoptable(t)
  await install(['--adopt', 'example.com'])
  t.match(await install(['--remove']), {
    exitCode: 0,
    stdout: /^Removed .*\/auth\nRemoved .*\/cleanup\nexample\.com names them still/,
  })
  t.notOk(existsSync(hooks))
  t.match(await install(['--remove']), { exitCode: 0, stdout: /^No hook paths/ })
})

t.test('a dangling link among the lineages does not stop --remove; adopting it is refused', async (t) => {
  const { install, hooks, renewal } = adoptable(t)
  await install(['--adopt', 'example.com'])
  symlinkSync('nowhere', join(dirname(renewal), 'broken.conf'))
  failsWith(t, await install(['--adopt', 'broken']), 'renewal-malformed', 'adopting it')
  t.match(await install(['--remove']), {
    exitCode: 0,
    stdout: /^example\.com names them still.*\nWhether broken names them still cannot be seen: ENOENT/m,
  })
  t.notOk(existsSync(hooks))
})

t.test('a renewal configuration that is not UTF-8 is refused, and stays byte for byte', async (t) => {
  const { install, renewal } = adoptable(t)
  const bytes = Buffer.concat([Buffer.from('# gr\xfc\xdfe\n', 'latin1'), Buffer.from(WEBROOT)])
  writeFileSync(renewal, bytes)
  const ended = await install(['--adopt', 'example.com'])
  failsWith(t, ended, 'renewal-malformed', 'it')
  t.match(ended.stderr, /example\.com\.conf is not UTF-8\n/)
  t.ok(readFileSync(renewal).equals(bytes))
  t.strictSame(readdirSync(dirname(renewal)), ['example.com.conf'])
})
