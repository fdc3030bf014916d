import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { optionsToKeep, readInstallRequest } from '../../src/cli/install-command.js'
import { readOptions } from '../../src/cli/options.js'
import { isNewEnough } from '../../src/install/certbot.js'
import { WEBROOT } from '../install/renewal-text.js'
import { temporaryDirectory } from '../temporary-directory.js'
import { failsWith, runHook } from './command.js'

t.test('options that differ from their defaults are kept, by flag or by variable', (t) => {
  t.strictSame(optionsToKeep(readOptions(['--port=80', '--ttl=60', '--verbose'], { CERTBOT_NFQ_LOG_FILE: '/var/log/x' })), ['--ttl=60', '--log-file=/var/log/x', '--verbose'])
  t.end()
})

t.test('what does not go together, or is empty, is refused', (t) => {
  t.throws(() => readInstallRequest({ remove: true, adopt: 'a' }), { code: 'bad-option' })
  t.throws(() => readInstallRequest({ 'hooks-dir': '' }), { code: 'bad-option' })
  t.end()
})

t.test('reconfigure came with certbot 2.3', (t) => {
  for (const version of ['certbot 2.3.0', 'certbot 2.11.0\n', 'warning\ncertbot 5.6.0']) t.ok(isNewEnough(version), version)
  for (const version of ['certbot 2.1.0', 'certbot 1.32.0', 'certbot 0.40.0', '']) t.notOk(isNewEnough(version), version)
  t.end()
})

t.test('it shows the command and the lines, with the options given', async (t) => {
  const { install, hooks } = prepare(t)
  const { exitCode, stdout } = await install(['--port', '8080'])
  t.equal(exitCode, 0)
  t.match(stdout, `--manual-auth-hook '${hooks}/auth --port=8080'`)
  t.match(stdout, `    manual_cleanup_hook = ${hooks}/cleanup --port=8080\n`.trimEnd())
  t.match(stdout, /For one that is there already \(example\.com\)/)
  t.strictSame(readdirSync(hooks), ['auth', 'cleanup'])
})

t.test('a dry run changes nothing at all', async (t) => {
  const { install, hooks, renewal } = prepare(t)
  for (const words of [[], ['--adopt', 'example.com'], ['--remove']]) t.equal((await install([...words, '--dry-run'])).exitCode, 0)
  t.notOk(existsSync(hooks))
  t.equal(readFileSync(renewal, 'utf8'), WEBROOT)
})

t.test('with an old certbot the file is edited, once', async (t) => {
  const { install, renewal, calls } = prepare(t, '2.1.0')
  t.match(await install(['--adopt', 'example.com']), { exitCode: 0, stdout: /Rehearse it with: certbot renew --dry-run --cert-name example\.com/ })
  const { ino } = statSync(renewal)
  t.match(await install(['--adopt', 'example.com']), { exitCode: 0, stdout: /example\.com uses these hooks already\.$/ })
  t.equal(statSync(renewal).ino, ino)
  t.equal(readFileSync(`${renewal}.before-certbot-nfq`, 'utf8'), WEBROOT)
  t.match(await install(['--adopt', 'example.com', '--port', '81']), { stdout: /-manual_auth_hook = .*\/auth$[^]*before-certbot-nfq-2$/m }, 'other options are another change')
  t.notOk(calls().some((call) => call.startsWith('reconfigure')))
})

t.test('with a new certbot it is done by reconfigure', async (t) => {
  const { install, renewal, calls, hooks, config } = prepare(t, '2.11.0')
  t.match(await install(['--adopt', 'example.com']), { exitCode: 0 })
  t.equal(calls().at(-1), `reconfigure --cert-name example.com --manual --preferred-challenges http --manual-auth-hook ${hooks}/auth --manual-cleanup-hook ${hooks}/cleanup --non-interactive --config-dir ${config}`)
  t.equal(readFileSync(renewal, 'utf8'), WEBROOT, 'the file is certbot’s to change')
  t.match(await install(['--adopt', 'example.com', '--dry-run']), { exitCode: 0, stdout: /It would be done by: certbot reconfigure / })
})

t.test('what goes wrong is said in two lines', async (t) => {
  const { install, hooks, renewal } = prepare(t, '2.11.0', 1)
  for (const name of ['example.org', '../renewal/example.com', '']) {
    const ended = await install(['--adopt', name])
    failsWith(t, ended, name === '' ? 'bad-option' : 'lineage-missing', JSON.stringify(name))
    if (name !== '') t.match(ended.stderr, /it has example\.com\n/)
  }
  t.notOk(existsSync(hooks), 'nothing was written')
  t.match(await install(['--adopt', 'example.com']), { exitCode: 1, stderr: /^certbot-nfq: certbot reconfigure ended with 1: .*\n.*\[reconfigure-failed, / })
  writeFileSync(renewal, 'nonsense')
  failsWith(t, await install(['--adopt', 'example.com']), 'renewal-malformed', 'a file that is not certbot’s')
  writeFileSync(join(hooks, 'auth'), 'mine')
  failsWith(t, await install([]), 'hook-path-taken', 'a file of somebody else')
})

t.test('--remove takes the hook paths away, and names who uses them still', async (t) => {
  const { install, hooks } = prepare(t, '2.1.0')
  await install(['--adopt', 'example.com'])
  t.match(await install(['--remove']), { exitCode: 0, stdout: /^Removed .*\/auth\nRemoved .*\/cleanup\nexample\.com names them still/ })
  t.notOk(existsSync(hooks))
  t.match(await install(['--remove']), { exitCode: 0, stdout: /^No hook paths/ })
})

/** A configuration directory with one lineage, and a certbot of some version that notes its arguments. */
function prepare(t: Test, version = '2.1.0', status = 0) {
  const path = temporaryDirectory(t)
  const [hooks, config, bin, log] = [join(path, 'hooks'), join(path, 'config'), join(path, 'bin'), join(path, 'calls')]
  const renewal = join(config, 'renewal/example.com.conf')
  for (const directory of [join(config, 'renewal'), bin]) mkdirSync(directory, { recursive: true })
  writeFileSync(renewal, WEBROOT)
  writeFileSync(join(bin, 'certbot'), `#!/bin/sh\necho "$*" >>${log}\nif [ "$1" = --version ]; then echo certbot ${version}; else exit ${status}; fi\n`, { mode: 0o755 })
  const env = { PATH: `${bin}:${process.env['PATH'] ?? ''}` }
  return {
    hooks,
    config,
    renewal,
    install: (words: readonly string[]) => runHook('certbot-nfq', ['install', '--hooks-dir', hooks, '--config-dir', config, ...words], env),
    calls: () => readFileSync(log, 'utf8').trim().split('\n'),
  }
}
