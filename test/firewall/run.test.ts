import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import t from 'tap'
import { temporaryDirectory } from '../temporary-directory.js'

const directory = temporaryDirectory(t)
process.env['PATH'] = [directory, process.env['PATH']].join(delimiter)
const { isProgram, run, runFor, runOrFail } = await import('../../src/firewall/run.js')

t.test('a program gets its arguments and its input, and says how it ended', async (t) => {
  t.match(await run(['sh', '-c', 'echo "$1"; cat; echo complaint >&2; exit 3', 'sh', 'a b'], 'input'), {
    exitCode: 3,
    stdout: 'a b\ninput',
    stderr: 'complaint',
  })
  t.match(await run(['cat']), { exitCode: 0, stdout: '', stderr: '' }, 'without input it is empty')
})

t.test('a program that is missing gives exit code 127 and the reason', async (t) => {
  const { exitCode, stdout, stderr } = await run(['certbot-nfq-no-such-program', '-w'])
  t.strictSame([exitCode, stdout], [127, ''])
  t.equal(stderr, 'could not be started (ENOENT)')
  t.match(await run([]), { exitCode: 127, unfinished: 'not started' }, 'no program at all')
})

t.test('a program that is killed gives exit code 127', async (t) => {
  t.same(await run(['sh', '-c', 'echo half; kill -9 $$']), {
    exitCode: 127,
    stdout: 'half',
    stderr: 'ended by SIGKILL',
    unfinished: 'killed',
  })
})

t.test('a program that takes too long is ended, and gives exit code 127', async (t) => {
  t.same(await runFor(10, ['sleep', '60']), {
    exitCode: 127,
    stdout: '',
    stderr: 'no answer within 0.01 s',
    unfinished: 'timed out',
  })
})

t.test('programs speak English, and are found with a short PATH', async (t) => {
  t.match(await run(['sh', '-c', 'echo "$LC_ALL $PATH"']), {
    stdout: /^C .*:\/usr\/local\/sbin:\/usr\/sbin:\/sbin:\/usr\/bin:\/bin$/,
  })
})

t.test('a program has to be executable to be one', (t) => {
  writeFileSync(join(directory, 'text'), '')
  writeFileSync(join(directory, 'program'), '')
  chmodSync(join(directory, 'program'), 0o755)
  mkdirSync(join(directory, 'directory'))
  t.equal(isProgram('program'), true)
  t.equal(isProgram('text'), false)
  t.equal(isProgram('certbot-nfq-no-such-program'), false)
  t.end()
})

t.test('what has to succeed gives its output, or fails with its first complaint', async (t) => {
  t.equal(await runOrFail(run, ['echo', 'out']), 'out')
  t.equal(await runOrFail(run, ['cat'], 'in'), 'in')
  await t.rejects(runOrFail(run, ['sh', '-c', 'echo; echo first >&2; echo second >&2; exit 2']), {
    code: 'firewall-failed',
    message: /: first$/,
  })
  await t.rejects(runOrFail(run, ['false']), { code: 'firewall-failed', message: 'false: exit code 1' })
  await t.rejects(runOrFail(run, ['certbot-nfq-no-such-program']), {
    code: 'firewall-failed',
    message: /^certbot-nfq-no-such-program: .*ENOENT/,
  })
})
