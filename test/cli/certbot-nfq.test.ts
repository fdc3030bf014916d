import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import t from 'tap'
import { temporaryDirectory } from '../temporary-directory.js'
import { scriptedResponder } from '../control/scripted-responder.js'
import { inRepository } from '../../src/lab/repository.js'
import { failsWith, runHook } from './command.js'

const commands = ['doctor', 'install', 'status', 'stop', 'watch', 'serve', 'account', 'demo', 'help', 'auth', 'cleanup']
const options = [
  '--port',
  '--run-dir',
  '--ttl',
  '--firewall',
  '--queue-num',
  '--mark',
  '--log-file',
  '--log-format',
  '--no-self-check',
  '--no-standalone',
  '--verbose',
]

t.test('--help lists every command and option, and the variables', async (t) => {
  const { exitCode, stdout, stderr } = await runHook('certbot-nfq', ['--help'])
  t.strictSame([exitCode, stderr], [0, ''])
  for (const command of commands) t.match(stdout, new RegExp(`^  certbot-nfq ${command} `, 'm'))
  for (const option of options) t.match(stdout, new RegExp(`^ +${option} `, 'm'))
  t.match(stdout, /CERTBOT_NFQ_PORT/)
})

t.test('help is what one gets by no word at all, -h, help, and help of a command', async (t) => {
  const run = (...words: string[]) => runHook('certbot-nfq', words)
  const whole = await run('--help')
  for (const words of [[], ['-h'], ['help'], ['help', '--port', '80'], ['help', '--help']])
    t.strictSame(await run(...words), whole, words.join(' '))
  const ofDoctor = await run('doctor', '--help')
  t.match(ofDoctor, { exitCode: 0, stderr: '', stdout: /^certbot-nfq doctor \[name\.\.\] \[options\]\n/ })
  for (const words of [
    ['doctor', '-h'],
    ['help', 'doctor'],
  ])
    t.strictSame(await run(...words), ofDoctor, words.join(' '))
})

t.test('a hook tells a person what it is, without a challenge', async (t) => {
  for (const hook of ['auth', 'cleanup'] as const) {
    const { stdout } = await runHook('certbot-nfq', [hook, '--help'])
    for (const words of [['--help'], ['-h'], ['--port', '80', '--help']])
      t.strictSame(await runHook(hook, words), { exitCode: 0, stdout, stderr: '' }, `${hook} ${words.join(' ')}`)
    // The hooks of other clients take options before their words.
    t.match(await execa(inRepository('hooks/uacme'), ['--help']), { stdout: /^certbot-nfq uacme \[words/ })
    t.match(await runHook(hook, ['--version']), { exitCode: 0, stdout: /^\d+\.\d+\.\d+$/, stderr: '' })
  }
})

t.test('what is mistyped is answered with what was most likely meant', async (t) => {
  const table: readonly (readonly [words: string[], cause: string])[] = [
    [['statsu'], 'there is no command "statsu": did you mean status?'],
    [['help', 'docter'], 'there is no command "docter": did you mean doctor?'],
    [['xyzzy'], 'there is no command "xyzzy"'],
    [['status', '--jsno'], 'status has no option "--jsno": did you mean --json?'],
    [['--prot=80', 'stop'], 'stop has no option "--prot=80": did you mean --port?'.replace('=80', '')],
    [['status', 'stop'], 'one command at a time: status or stop'],
    [['stop', 'example.com'], 'stop takes no argument "example.com"'],
  ]
  for (const [words, cause] of table) {
    const ended = await runHook('certbot-nfq', words)
    failsWith(t, ended, 'bad-option', words.join(' '))
    t.equal(ended.stderr.split('\n')[0], `certbot-nfq: ${cause}`)
  }
})

t.test('a hint names the command by its path where PATH has none', async (t) => {
  const bin = temporaryDirectory(t)
  // The package may be installed here as well, and is in /usr/bin then.
  const programs = temporaryDirectory(t)
  for (const name of readdirSync('/usr/bin'))
    if (name !== 'certbot-nfq') symlinkSync(join('/usr/bin', name), join(programs, name))
  const hint = async () => (await runHook('certbot-nfq', ['bogus'], { PATH: `${bin}:${programs}` })).stderr
  t.match(await hint(), `\nSee ${inRepository('hooks/certbot-nfq')} --help. [`)
  symlinkSync(inRepository('hooks/certbot-nfq'), join(bin, 'certbot-nfq'))
  t.match(await hint(), '\nSee certbot-nfq --help. [')
})

t.test(
  'an option that a command has no use for is taken all the same, for it may be in a script for all',
  async (t) => {
    const runDir = join(temporaryDirectory(t), 'run')
    t.match(await runHook('certbot-nfq', ['status', '--run-dir', runDir, '--port', '8080']), {
      exitCode: 0,
      stderr: '',
    })
  },
)

t.test('--version is that of the package', async (t) => {
  const { exitCode, stdout } = await runHook('certbot-nfq', ['--version'])
  t.equal(exitCode, 0)
  t.match(stdout, /^\d+\.\d+\.\d+$/)
})

t.test('status with nobody there is no failure', async (t) => {
  const directory = join(temporaryDirectory(t), 'run')
  const forPerson = await runHook('certbot-nfq', ['status', '--run-dir', directory])
  t.match(forPerson, { exitCode: 0, stderr: '' })
  t.ok(forPerson.stdout.startsWith(`No responder runs in ${directory}: nothing is armed.`), forPerson.stdout)
  const forProgram = await runHook('certbot-nfq', ['status', '--json'], { CERTBOT_NFQ_RUN_DIR: directory })
  t.match(
    [forProgram.exitCode, JSON.parse(forProgram.stdout), forProgram.stderr],
    [0, { running: false, left: [] }, ''],
  )
})

t.test('status prints what the responder says of itself', async (t) => {
  const directory = temporaryDirectory(t)
  const status = {
    version: '1.2.3',
    protocol: 1,
    pid: 42,
    startedAt: 'today',
    queue: 8555,
    mark: 1,
    ports: [],
    challenges: [],
    counts: { packets: 7, answered: 2, acknowledged: 1 },
    log: [],
  }
  await scriptedResponder(t, join(directory, 'control'), () => `${JSON.stringify({ version: 1, ok: true, status })}\n`)
  const { stdout } = await runHook('certbot-nfq', ['status', '--json', '--run-dir', directory])
  t.strictSame(JSON.parse(stdout), { running: true, ...status })
  t.match(await runHook('certbot-nfq', ['status', '--run-dir', directory]), {
    exitCode: 0,
    stdout:
      /^certbot-nfq 1\.2\.3, process 42.*\n2 requests answered, 1 of the answers acknowledged; 0 for .*; 0 packets lost$/s,
    stderr: '',
  })
  const { stdout: verbose } = await runHook('certbot-nfq', ['status', '--verbose', '--run-dir', directory])
  t.match(verbose, /packets lost\npackets 7, answered 2, acknowledged 1$/)
})

t.test('what is wrong on the command line is said in two lines', async (t) => {
  const table: readonly (readonly string[])[] = [
    ['bogus'],
    ['status', 'stop'],
    ['status', '--bogus'],
    ['status', '--port', '99999'],
    ['status', '--port='],
    ['status', '--port', '-1'],
    ['status', '--port', 'two\nlines'],
    ['serve', '--firewall', 'pf'],
    ['stop', '--run-dir='],
    ['auth', '--mark', '3'],
  ]
  for (const argv of table) failsWith(t, await runHook('certbot-nfq', argv), 'bad-option', JSON.stringify(argv))
  failsWith(t, await runHook('certbot-nfq', ['status'], { CERTBOT_NFQ_TTL: 'soon' }), 'bad-option', 'a variable')
})

t.test('an option without its value is a mistake of the user, not of the program', async (t) => {
  for (const option of ['--port', '--run-dir'])
    failsWith(t, await runHook('certbot-nfq', ['status', option]), 'bad-option', option)
})

t.test('the hooks refuse the same', async (t) => {
  for (const hook of ['auth', 'cleanup'] as const) {
    for (const argv of [['--bogus'], ['--port'], ['--port', '99999'], ['extra'], ['--verbose=yes']]) {
      failsWith(t, await runHook(hook, argv), 'bad-option', `${hook} ${argv.join(' ')}`)
    }
  }
})

t.test('the hooks say what is wrong with their environment', async (t) => {
  const runDir = join(temporaryDirectory(t), 'run')
  const run = (hook: 'auth' | 'cleanup', env: Record<string, string>) =>
    runHook(hook, [], { CERTBOT_NFQ_RUN_DIR: runDir, ...env })
  const token = 'token-of-16-chars'
  failsWith(t, await run('auth', {}), 'token-missing', 'auth, not called by certbot')
  failsWith(
    t,
    await run('auth', { CERTBOT_VALIDATION: 'x', CERTBOT_DOMAIN: 'a.example' }),
    'validation-malformed',
    'auth for dns-01, without its value',
  )
  failsWith(t, await run('auth', { CERTBOT_TOKEN: 'short' }), 'token-malformed', 'auth with a bad token')
  failsWith(
    t,
    await run('auth', { CERTBOT_TOKEN: token, CERTBOT_VALIDATION: 'x' }),
    'validation-malformed',
    'auth with a bad validation',
  )
  failsWith(
    t,
    await run('auth', { CERTBOT_TOKEN: token, CERTBOT_VALIDATION: `${token}.x` }),
    'identifier-missing',
    'auth without a name',
  )
  failsWith(t, await run('cleanup', {}), 'token-missing', 'cleanup, not called by certbot')
  failsWith(t, await run('cleanup', { CERTBOT_TOKEN: 'short' }), 'token-malformed', 'cleanup with a bad token')
})

t.test('a run directory that cannot be one is said to be that', async (t) => {
  const path = temporaryDirectory(t)
  const file = join(path, 'file')
  writeFileSync(file, '')
  mkdirSync(join(path, 'open'), { mode: 0o777 })
  const long = join(path, 'x'.repeat(120))
  const env = {
    CERTBOT_TOKEN: 'token-of-16-chars',
    CERTBOT_VALIDATION: 'token-of-16-chars.x',
    CERTBOT_DOMAIN: 'a.example',
  }
  failsWith(
    t,
    await runHook('auth', ['--run-dir', join(path, 'absent', 'run')], env),
    'run-directory-path',
    'auth, in a directory that is absent',
  )
  failsWith(t, await runHook('auth', ['--run-dir', long], env), 'run-directory-path', 'auth, a path too long')
  failsWith(t, await runHook('cleanup', ['--run-dir', long], env), 'run-directory-path', 'cleanup, a path too long')
  failsWith(
    t,
    await runHook('certbot-nfq', ['status', '--run-dir', long]),
    'run-directory-path',
    'status, a path too long',
  )
  failsWith(t, await runHook('certbot-nfq', ['serve', '--run-dir', file]), 'run-directory', 'serve, a file')
  failsWith(t, await runHook('auth', ['--run-dir', file], env), 'run-directory', 'auth, a file')
  failsWith(t, await runHook('cleanup', ['--run-dir', file], env), 'run-directory', 'cleanup, a file')
  failsWith(t, await runHook('certbot-nfq', ['status', '--run-dir', file]), 'run-directory', 'status, a file')
  failsWith(t, await runHook('certbot-nfq', ['stop', '--run-dir', file]), 'run-directory', 'stop, a file')
  t.strictSame(readdirSync(path).sort(), ['file', 'open'], 'nothing was made')
})

t.test('a log file that cannot be written is said to be that', async (t) => {
  const path = temporaryDirectory(t)
  const env = {
    CERTBOT_TOKEN: 'token-of-16-chars',
    CERTBOT_VALIDATION: 'token-of-16-chars.x',
    CERTBOT_DOMAIN: 'a.example',
  }
  const argv = ['--run-dir', join(path, 'run'), '--log-file', join(path, 'absent', 'log')]
  failsWith(t, await runHook('auth', argv, env), 'log-file', 'auth')
  failsWith(t, await runHook('certbot-nfq', ['serve', ...argv]), 'log-file', 'serve')
  t.strictSame(readdirSync(path), [], 'nothing was made')
})

t.test('a responder that answers nonsense or nothing is said to do so', async (t) => {
  const directory = temporaryDirectory(t)
  const answers = [
    '',
    'nonsense\n',
    '{"version":2,"ok":true}\n',
    '{"ok":false,"code":"too-many-challenges","message":"cause"}\n',
  ]
  const expected = ['responder-lost', 'control-malformed', 'protocol-version', 'too-many-challenges']
  await scriptedResponder(t, join(directory, 'control'), (_line, _socket, place) => answers[place])
  for (const code of expected)
    failsWith(t, await runHook('certbot-nfq', ['status', '--run-dir', directory]), code, code)
})
