import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { inRepository } from '../../../src/lab/repository.js'
import { temporaryDirectory } from '../../temporary-directory.js'
import { failsWith, runHook } from '../command.js'

const skip = process.getuid?.() !== 0 && 'needs a clone that is root’s, and root'

/** A machine's directories, and `install --client` with them. */
function stage(t: Test) {
  const root = temporaryDirectory(t)
  const place = (name: string) => join(root, name)
  mkdirSync(place('etc'))
  return {
    place,
    hooksDir: place('hooks'),
    install: (...words: string[]) =>
      runHook('certbot-nfq', [
        'install',
        '--unsafe-owner',
        '--hooks-dir',
        place('hooks'),
        '--bin-dir',
        place('bin'),
        ...words,
      ]),
  }
}

t.test('dehydrated: the change is shown, and made; the file as it was is beside it', { skip }, async (t) => {
  const { place, hooksDir, install } = stage(t)
  const config = place('etc/config')
  writeFileSync(config, 'BASEDIR=/var/lib/dehydrated\n', { mode: 0o640 })
  const words = ['--client', 'dehydrated', '--port', '8080', '--adopt', config]
  const shown = await install(...words, '--dry-run')
  t.match(shown, { exitCode: 0, stderr: '' })
  t.match(
    shown.stdout,
    /^Would write the hook .*^ BASEDIR=.*^\+HOOK=.*^\+HOOK_CHAIN=yes$.*^\+export CERTBOT_NFQ_PORT=8080$.*^Nothing was changed\.$/ms,
  )
  t.equal(readFileSync(config, 'utf8'), 'BASEDIR=/var/lib/dehydrated\n')
  t.strictSame(readdirSync(place('.')).sort(), ['etc'], 'nothing was made')

  t.match(await install(...words), { exitCode: 0, stderr: '' })
  t.equal(
    readFileSync(config, 'utf8'),
    `BASEDIR=/var/lib/dehydrated\nHOOK=${hooksDir}/dehydrated\nHOOK_CHAIN=yes\nexport CERTBOT_NFQ_PORT=8080\n`,
  )
  t.equal(statSync(config).mode & 0o777, 0o640)
  t.equal(readFileSync(`${config}.before-certbot-nfq`, 'utf8'), 'BASEDIR=/var/lib/dehydrated\n')
  t.strictSame(readdirSync(hooksDir), ['dehydrated'], 'only the hook that was asked for')
  t.match((await install(...words)).stdout, /^dehydrated uses this hook already\.$/m)
})

t.test('dehydrated: a hook of the user’s is not replaced unless it is named', { skip }, async (t) => {
  const { place, install } = stage(t)
  const config = place('etc/config')
  writeFileSync(config, 'HOOK=/etc/dehydrated/hook.sh\n')
  failsWith(t, await install('--client', 'dehydrated', '--adopt', config), 'other-hook', 'without --then')
  t.strictSame(readdirSync(place('.')), ['etc'], 'and nothing was made')
  t.match(await install('--client', 'dehydrated', '--then', '/etc/dehydrated/hook.sh', '--adopt', config), {
    exitCode: 0,
  })
  t.match(
    readFileSync(config, 'utf8'),
    /^HOOK=.*\/hooks\/dehydrated\n.*^export CERTBOT_NFQ_THEN=\/etc\/dehydrated\/hook\.sh$/ms,
  )
})

t.test('uacme and acmetool: the hook of a script, and a file that can be run', { skip }, async (t) => {
  const { place, hooksDir, install } = stage(t)
  const script = place('etc/renew')
  writeFileSync(script, '#!/bin/sh\nuacme -h /usr/share/uacme/uacme.sh issue a.example\n', { mode: 0o755 })
  t.match(await install('--client', 'uacme', '--then', '/usr/share/uacme/uacme.sh', '--adopt', script), {
    exitCode: 0,
    stderr: '',
  })
  t.equal(
    readFileSync(script, 'utf8'),
    `#!/bin/sh\nCERTBOT_NFQ_THEN=/usr/share/uacme/uacme.sh uacme -h ${hooksDir}/uacme issue a.example\n`,
  )
  t.equal(statSync(script).mode & 0o777, 0o755)

  t.match(await install('--client', 'acmetool', '--adopt', place('acme/hooks')), { exitCode: 0, stderr: '' })
  const made = place('acme/hooks/certbot-nfq')
  t.equal(statSync(made).mode & 0o777, 0o755)
  t.match(readFileSync(made, 'utf8'), `exec ${hooksDir}/acmetool "$@"`)
})

t.test('without --adopt it says what to do, and the hook it has put there works', { skip }, async (t) => {
  const { hooksDir, install } = stage(t)
  for (const client of ['dehydrated', 'uacme', 'acmetool']) {
    const { exitCode, stdout, stderr } = await install('--client', client)
    t.strictSame([exitCode, stderr], [0, ''], client)
    t.match(stdout, `${hooksDir}/${client}`)
    t.match(stdout, new RegExp(`^ {4}.*install --client ${client}.* --dry-run --adopt /`, 'm'))
  }
  t.match(readFileSync(join(hooksDir, 'uacme'), 'utf8'), `from=${inRepository('hooks')}\n`)
  const removed = await install('--remove')
  t.match(removed, { exitCode: 0, stderr: '' })
  for (const client of ['dehydrated', 'uacme', 'acmetool']) t.match(removed.stdout, `Removed ${hooksDir}/${client}`)
})

t.test('what does not go together is said to be that', async (t) => {
  for (const words of [
    ['--client', 'lego'],
    ['--client', 'uacme', '--remove'],
    ['--client', 'uacme', '--undo', 'a'],
  ])
    failsWith(t, await runHook('certbot-nfq', ['install', ...words]), 'bad-option', words.join(' '))
})
