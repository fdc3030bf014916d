import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { inRepository } from '../../src/lab/repository.js'
import { temporaryDirectory } from '../temporary-directory.js'
import { failsWith, runHook } from './command.js'

const isRoot = process.getuid?.() === 0
const nobody = isRoot ? ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'] : []
const env = {
  CERTBOT_TOKEN: 'token-of-16-chars',
  CERTBOT_VALIDATION: 'token-of-16-chars.x',
  CERTBOT_DOMAIN: 'a.example',
}
const skip =
  isRoot &&
  spawnSync(nobody[0] ?? '', [...nobody.slice(1), 'test', '-r', inRepository('dist/cli/main.js')]).status !== 0 &&
  'nobody cannot read this clone'

t.test('who is not root is told so, or that the run directory is not theirs', { skip }, async (t) => {
  const { others, own } = directories(t)
  const run = (hook: 'auth' | 'cleanup' | 'certbot-nfq', ...argv: string[]) => runHook(hook, argv, env, nobody)
  failsWith(t, await run('auth', '--run-dir', join(others, 'run')), 'not-root', 'auth, no right to make the directory')
  failsWith(
    t,
    await run('certbot-nfq', 'serve', '--run-dir', join(others, 'run')),
    'not-root',
    'serve, no right to make the directory',
  )
  failsWith(t, await run('certbot-nfq', 'watch'), 'not-root', 'watch')
  failsWith(t, await run('auth', '--run-dir', join(own, 'run')), 'not-root', 'auth, a directory of their own')
  failsWith(
    t,
    await run('certbot-nfq', 'serve', '--run-dir', join(own, 'run')),
    'not-root',
    'serve, a directory of their own',
  )
  t.strictSame([...readdirSync(others), ...readdirSync(own)], ['of-root'], 'nothing was left')
})

t.test('the hook of another client that is not root says so, so that the client stops', { skip }, async (t) => {
  const { own } = directories(t)
  const [token, answer] = ['token-of-16-chars', 'token-of-16-chars.x']
  for (const [hook, words] of [
    ['dehydrated', ['deploy_challenge', 'a.example', token, answer]],
    ['uacme', ['begin', 'http-01', 'a.example', token, answer]],
    ['acmetool', ['challenge-http-start', 'a.example', 'target', token]],
  ] as const)
    failsWith(t, await runHook(hook, ['--run-dir', join(own, 'run'), ...words], {}, nobody, answer), 'not-root', hook)
  t.strictSame(readdirSync(own), [], 'nothing is armed')
})

t.test(
  'a responder of root is out of reach for who is not root, and that is what they are told',
  { skip },
  async (t) => {
    const { others } = directories(t)
    for (const command of ['status', 'stop']) {
      failsWith(
        t,
        await runHook('certbot-nfq', [command, '--run-dir', join(others, 'of-root')], env, nobody),
        'not-root',
        command,
      )
    }
    failsWith(t, await runHook('auth', ['--run-dir', join(others, 'of-root')], env, nobody), 'not-root', 'auth')
    failsWith(t, await runHook('cleanup', ['--run-dir', join(others, 'of-root')], env, nobody), 'not-root', 'cleanup')
  },
)

t.test(
  'where no responder runs, who is not root cannot look for leftover rules, and is told why',
  { skip },
  async (t) => {
    const { others } = directories(t)
    failsWith(
      t,
      await runHook('certbot-nfq', ['stop', '--run-dir', join(others, 'run')], env, nobody),
      'not-root',
      'stop',
    )
    failsWith(t, await runHook('cleanup', ['--run-dir', join(others, 'run')], env, nobody), 'not-root', 'cleanup')
  },
)

t.test(
  'root without its capabilities, as in a container, is told what is missing',
  { skip: !isRoot && 'needs root' },
  async (t) => {
    const { own } = directories(t)
    chownSync(own, 0, 0)
    const powerless = ['setpriv', '--bounding-set=-all', '--inh-caps=-all']
    failsWith(t, await runHook('auth', ['--run-dir', join(own, 'run')], env, powerless), 'capability-missing', 'auth')
    failsWith(
      t,
      await runHook('certbot-nfq', ['serve', '--run-dir', join(own, 'run')], env, powerless),
      'capability-missing',
      'serve',
    )
    failsWith(t, await runHook('certbot-nfq', ['watch'], {}, powerless), 'capability-missing', 'watch')
    t.strictSame(readdirSync(own), [], 'nothing was left')
  },
)

/**
 * A directory that belongs to somebody else, with one in it that only they may enter, and one that belongs to whom the
 * hooks run as.
 */
function directories(t: Test): { others: string; own: string } {
  const path = temporaryDirectory(t)
  chmodSync(path, 0o755)
  const [others, own] = [join(path, 'others'), join(path, 'own')]
  mkdirSync(others)
  mkdirSync(own)
  mkdirSync(join(others, 'of-root'), { mode: 0o700 })
  if (isRoot) chownSync(own, 65534, 65534)
  else execFileSync('chmod', ['000', join(others, 'of-root')])
  return { others, own }
}
