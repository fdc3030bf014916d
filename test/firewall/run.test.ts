import { execFileSync } from 'node:child_process'
import { chmodSync, closeSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import t from 'tap'
import { temporaryDirectory } from '../temporary-directory.js'

const directory = temporaryDirectory(t)
process.env['PATH'] = [directory, process.env['PATH']].join(delimiter)
const { failureOf, isProgram, run, runFor, runOrFail } = await import('../../src/firewall/run.js')
const { converse } = await import('../../src/firewall/conversation.js')
const { nftDialect } = await import('../../src/firewall/nft/dialect.js')

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

t.test('a program that no files are left for is not begun, and that is named', async (t) => {
  const limit = (words: string) => execFileSync('prlimit', [`--pid=${process.pid}`, `--nofile=${words}`])
  const [, soft = ''] = /^Max open files\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? []
  const opened: number[] = []
  // As many as are open, and less than a program takes.
  limit(`${readdirSync('/proc/self/fd').length + 20}:`)
  try {
    for (let few = 0; few < 12; few++) opened.push(openSync('/', 'r'))
    const ended = await run(['true'])
    t.match(ended, { exitCode: 127, unfinished: 'not started', stderr: /EMFILE/ })
    t.equal(failureOf(['true'], ended).code, 'too-few-descriptors')
    t.throws(() => converse(nftDialect), { code: 'too-few-descriptors' })
  } finally {
    for (const fd of opened) closeSync(fd)
  }
  t.match(await run(['true']), { exitCode: 0 }, 'what was opened to find out is closed')
  limit(`${soft}:`)
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
