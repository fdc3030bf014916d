import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { optionsToKeep, readInstallRequest } from '../../../src/cli/install/install-command.js'
import { readOptions } from '../../../src/cli/options.js'
import { isNewEnough } from '../../../src/client/certbot/certbot.js'
import { adoptable } from '../../client/certbot/adoptable.js'
import { inRepository } from '../../../src/lab/repository.js'
import { WILDCARD_CERTIFICATE } from '../../client/certbot/wildcard-certificate.js'
import { WEBROOT } from '../../client/certbot/renewal-text.js'
import { requiresKernel } from '../../requires-kernel.js'
import { failsWith } from '../command.js'

t.test('options that differ from their defaults are kept, by flag or by variable', (t) => {
  t.strictSame(
    optionsToKeep(readOptions(['--port=80', '--ttl=60', '--verbose'], { CERTBOT_NFQ_LOG_FILE: '/var/log/x' })),
    ['--ttl=60', '--log-file=/var/log/x', '--verbose'],
  )
  t.end()
})

t.test('what does not go together, or is empty, is refused', (t) => {
  t.throws(() => readInstallRequest({ remove: true, adopt: 'a' }), { code: 'bad-option' })
  t.throws(() => readInstallRequest({ undo: 'a', adopt: 'a' }), { code: 'bad-option' })
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
  t.match(stdout, /--preferred-challenges dns(.*\n)+?.*-d example\.com -d '\*\.example\.com' --dry-run\n/)
  t.match(stdout, /For one that is there already \(example\.com\)/)
  t.strictSame(readdirSync(hooks), ['auth', 'cleanup'])
})

t.test('a dry run changes nothing at all', async (t) => {
  const { install, hooks, bin, renewal } = adoptable(t)
  for (const words of [[], ['--adopt', 'example.com'], ['--remove'], ['--undo', 'example.com']])
    t.equal((await install([...words, '--dry-run'])).exitCode, 0)
  t.notOk(existsSync(hooks) || existsSync(bin))
  t.equal(readFileSync(renewal, 'utf8'), WEBROOT)
})

t.test('with an old certbot the file is edited, once, and the renewal rehearsed', async (t) => {
  const { install, renewal, calls, config } = adoptable(t)
  const rehearsal = `renew --dry-run --cert-name example.com --config-dir ${config} --no-random-sleep-on-renew`
  t.match(await install(['--adopt', 'example.com']), {
    exitCode: 0,
    stdout: `\nRehearsing the renewal with the CA: certbot ${rehearsal}`,
  })
  t.equal(calls().at(-1), rehearsal)
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
      `Changed ${elsewhere}, where ${renewal} leads; as it was before: ${elsewhere}.before-certbot-nfq\nNot kept: 1 other name of it (hard links), which lead to the file as it was before`,
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
    stderr: /^certbot-nfq: certbot reconfigure ended with 1: .*\n.*\[rehearsal-failed, /,
  })
  t.strictSame(readdirSync(dirname(renewal)), ['example.com.conf'], 'and no copy is left')
  writeFileSync(renewal, 'nonsense')
  failsWith(t, await install(['--adopt', 'example.com']), 'renewal-malformed', 'a file that is not certbot’s')
  writeFileSync(join(hooks, 'auth'), 'mine')
  failsWith(t, await install([]), 'hook-path-taken', 'a file of somebody else')
})

t.test('a lineage that only dns-01 can renew is refused with the reason, and nothing is written', async (t) => {
  const { install, config, renewal, hooks } = adoptable(t)
  const live = join(config, 'live/example.com')
  mkdirSync(live, { recursive: true })
  writeFileSync(join(live, 'cert.pem'), WILDCARD_CERTIFICATE)
  for (const words of [[], ['--force'], ['--dry-run']]) {
    const ended = await install(['--adopt', 'example.com', ...words])
    failsWith(t, ended, 'wildcard-lineage', `a wildcard name ${words.join(' ')}`)
    t.match(ended.stderr, 'example.com has the name *.example.com, which needs dns-01, and is renewed by webroot now')
  }
  rmSync(live, { recursive: true })
  for (const [line, reason] of [
    ['authenticator = dns-cloudflare', 'authenticator = dns-cloudflare'],
    ['authenticator = standalone\npref_challs = dns-01,', 'pref_challs = dns-01'],
  ] as const) {
    const text = WEBROOT.replace('authenticator = webroot # until May', line)
    writeFileSync(renewal, text)
    const ended = await install(['--adopt', 'example.com'])
    failsWith(t, ended, 'dns-lineage', line)
    t.match(ended.stderr, `example.com is renewed by dns-01 now (${reason})`)
    t.equal(readFileSync(renewal, 'utf8'), text)
  }
  t.notOk(existsSync(hooks), 'nothing was written')
  t.match(await install(['--adopt', 'example.com', '--force']), {
    exitCode: 0,
    stdout: /^\+authenticator = manual|^Rehearse it/m,
  })
})

t.test('a lineage of the manual plugin with dns-01 is adopted and stays with dns-01', async (t) => {
  for (const version of ['2.1.0', '2.11.0']) {
    const { install, config, renewal, calls } = adoptable(t, { version })
    const live = join(config, 'live/example.com')
    mkdirSync(live, { recursive: true })
    writeFileSync(join(live, 'cert.pem'), WILDCARD_CERTIFICATE)
    writeFileSync(
      renewal,
      WEBROOT.replace(
        'authenticator = webroot # until May',
        'authenticator = manual\npref_challs = dns-01,\nmanual_auth_hook = /opt/other',
      ),
    )
    const ended = await install(['--adopt', 'example.com'])
    t.equal(ended.exitCode, 0, version, ended)
    if (version === '2.1.0') {
      t.match(readFileSync(renewal, 'utf8'), /^pref_challs = dns-01,$/m)
      t.notMatch(readFileSync(renewal, 'utf8'), /other/)
    } else t.match(calls().at(-1), /^reconfigure .* --preferred-challenges dns --manual-auth-hook /)
  }
})

t.test('when the rehearsal fails or is interrupted, the old file is back, with owner and mode', async (t) => {
  const interrupted = 'if [ "$1" = renew ]; then kill -INT $PPID; kill -TERM $PPID; sleep 60; fi'
  for (const { act, how } of [
    { act: 'if [ "$1" = renew ]; then grep -q manual_auth_hook "$renewal" && exit 7; exit 8; fi', how: '7' },
    { act: interrupted, how: 'SIGTERM' },
  ]) {
    const { install, renewal } = adoptable(t, { act })
    chmodSync(renewal, 0o640)
    if (process.getuid?.() === 0) chownSync(renewal, 1, 1)
    const { uid, gid, mode } = statSync(renewal)
    const ended = await install(['--adopt', 'example.com'])
    failsWith(t, { ...ended, stdout: '' }, 'rehearsal-failed', how)
    t.match(ended.stderr, `certbot renew --dry-run ended with ${how}: the renewal configuration is as it was\n`)
    t.match(statSync(renewal), { uid, gid, mode })
    t.equal(readFileSync(renewal, 'utf8'), WEBROOT)
    t.strictSame(readdirSync(dirname(renewal)), ['example.com.conf'], 'and nothing beside it')
  }
})

t.test('what another program has written during the rehearsal stays, and the copy too', async (t) => {
  const { install, renewal } = adoptable(t, { act: 'if [ "$1" = renew ]; then echo "x = y" >>"$renewal"; exit 1; fi' })
  const ended = await install(['--adopt', 'example.com'])
  failsWith(t, { ...ended, stdout: '' }, 'renewal-changed', 'it')
  t.match(ended.stderr, `; as it was before: ${renewal}.before-certbot-nfq\n`)
  t.match(readFileSync(renewal, 'utf8'), /\nx = y\n$/)
  t.equal(readFileSync(`${renewal}.before-certbot-nfq`, 'utf8'), WEBROOT)
})

t.test('--undo gives a lineage back what it had, whoever has written its file since', async (t) => {
  const reconfigure =
    'if [ "$1" = reconfigure ]; then sed -i "s|^authenticator = webroot.*|authenticator = manual\\nmanual_auth_hook = $8|" "$renewal"; fi'
  for (const options of [{}, { version: '2.11.0', act: reconfigure }]) {
    const { install, renewal, calls } = adoptable(t, options)
    t.match(await install(['--undo', 'example.com']), { exitCode: 0, stdout: 'example.com does not use these hooks.' })
    await install(['--adopt', 'example.com'])
    await install(['--adopt', 'example.com', '--port', '81'])
    t.match(readFileSync(renewal, 'utf8'), /^manual_auth_hook = /m)
    // As certbot writes it at a renewal, without what the plugin of before had.
    writeFileSync(renewal, readFileSync(renewal, 'utf8').replace(/\[\[webroot_map\]\][^]*/, ''))
    t.match(await install(['--undo', 'example.com', '--dry-run']), { exitCode: 0, stdout: /Nothing was changed/ })
    t.match(await install(['--undo', 'example.com']), {
      exitCode: 0,
      stdout: /^\+authenticator = webroot # until May$/m,
    })
    t.equal(readFileSync(renewal, 'utf8'), WEBROOT)
    t.match(calls().at(-1), /^renew --dry-run --cert-name example\.com /)
    t.match(await install(['--undo', 'example.com']), { exitCode: 0, stdout: 'example.com does not use these hooks.' })
  }
})

t.test('--undo whose rehearsal fails changes nothing, unless it is forced; without a copy it says so', async (t) => {
  const { install, renewal } = adoptable(t, {
    act: 'if [ "$1" = renew ] && grep -q webroot_map "$renewal.no"; then exit 1; fi',
  })
  await install(['--adopt', 'example.com'])
  const adopted = readFileSync(renewal, 'utf8')
  writeFileSync(`${renewal}.no`, 'webroot_map')
  const ended = await install(['--undo', 'example.com'])
  failsWith(t, { ...ended, stdout: '' }, 'rehearsal-failed', 'the rehearsal')
  t.equal(readFileSync(renewal, 'utf8'), adopted)
  t.match(await install(['--undo', 'example.com', '--force']), {
    exitCode: 0,
    stdout: /Rehearse it with: certbot renew/,
  })
  t.equal(readFileSync(renewal, 'utf8'), WEBROOT)
  writeFileSync(renewal, adopted)
  for (const name of readdirSync(dirname(renewal)).filter((name) => name.includes('.before-')))
    rmSync(join(dirname(renewal), name))
  failsWith(t, await install(['--undo', 'example.com']), 'no-copy', 'no copy')
})

t.test('--remove refuses while a lineage uses the hooks, unless it is forced', async (t) => {
  const { install, hooks, bin } = adoptable(t)
  await install(['--adopt', 'example.com'])
  const ended = await install(['--remove'])
  failsWith(t, ended, 'hooks-in-use', 'it')
  t.match(ended.stderr, `example.com is renewed by the hooks in ${hooks}: nothing was removed\n`)
  t.strictSame([readdirSync(hooks), readdirSync(bin)], [['auth', 'cleanup'], ['certbot-nfq']])
  t.match(await install(['--remove', '--force']), {
    exitCode: 0,
    stdout: /^Removed .*\/auth\nRemoved .*\/cleanup\nRemoved .*\/certbot-nfq\nexample\.com cannot be renewed so/,
  })
  t.notOk(existsSync(hooks))
  t.match(await install(['--remove']), { exitCode: 0, stdout: /^No hook paths/ })
})

t.test('--remove refuses while another client uses a hook, unless it is forced', await requiresKernel(), async (t) => {
  const { install, hooks } = adoptable(t)
  t.equal((await install(['--client', 'uacme'])).exitCode, 0)
  const cron =
    'mount -t tmpfs tmpfs /etc/cron.daily; echo "uacme -h $0 issue a.example" >/etc/cron.daily/uacme; exec "$@"'
  const before = ['unshare', '--mount', 'sh', '-ec', cron, join(hooks, 'uacme')]
  const ended = await install(['--remove'], before)
  failsWith(t, ended, 'client-uses-hook', 'it')
  t.match(ended.stderr, `uacme (/etc/cron.daily/uacme) names a hook in ${hooks}: nothing was removed\n`)
  t.strictSame(readdirSync(hooks), ['uacme'])
  t.match(await install(['--remove', '--force'], before), {
    exitCode: 0,
    stdout: /^Removed .*\/uacme\n[^]*uacme \(\/etc\/cron\.daily\/uacme\) names a hook that is gone/,
  })
  t.notOk(existsSync(hooks))
})

t.test('--remove goes on when the lineage has another authenticator again', async (t) => {
  const { install, renewal, hooks } = adoptable(t)
  await install(['--adopt', 'example.com'])
  writeFileSync(renewal, readFileSync(renewal, 'utf8').replace('authenticator = manual', 'authenticator = nginx'))
  t.match(await install(['--remove']), { exitCode: 0, stdout: /^Removed / })
  t.notOk(existsSync(hooks))
})

t.test('the command is linked, led to another installation, and not taken from anybody', async (t) => {
  const { install, bin } = adoptable(t)
  const link = join(bin, 'certbot-nfq')
  t.match(await install([]), { exitCode: 0, stdout: `Made the command ${link}; it leads to ` })
  t.equal(readlinkSync(link), inRepository('hooks/certbot-nfq'))
  t.match(await install([]), { stdout: `The command is ${link}.` })
  rmSync(link)
  symlinkSync('/nowhere/hooks/certbot-nfq', link)
  await install([])
  t.equal(readlinkSync(link), inRepository('hooks/certbot-nfq'), 'it led to another place')
  rmSync(link)
  writeFileSync(link, 'mine')
  t.match(await install([]), { exitCode: 0, stdout: `${link} is not ours and stays as it is: the command is /` })
  await install(['--remove'])
  t.equal(readFileSync(link, 'utf8'), 'mine')
})

t.test('a dangling link among the lineages does not stop --remove; adopting it is refused', async (t) => {
  const { install, hooks, renewal } = adoptable(t)
  await install(['--adopt', 'example.com'])
  symlinkSync('nowhere', join(dirname(renewal), 'broken.conf'))
  failsWith(t, await install(['--adopt', 'broken']), 'renewal-malformed', 'adopting it')
  t.match(await install(['--remove', '--force']), {
    exitCode: 0,
    stdout: /^example\.com cannot be renewed so.*\nWhether broken names them still cannot be seen: ENOENT/m,
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
