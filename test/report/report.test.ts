import { spawnSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { inRepository } from '../../src/lab/repository.js'
import { temporaryDirectory } from '../temporary-directory.js'
import { Report, type Sums } from './report.js'

/** What is said of a stream, line by line; in pieces, as it comes over a pipe. */
function reportOf(
  tap: string,
  { status = 0, errors = '' }: { status?: number; errors?: string } = {},
): { lines: string[]; sums: Sums } {
  const lines: string[] = []
  const report = new Report((text) => lines.push(...text.split('\n')))
  for (let at = 0; at < tap.length; at += 7) report.take(tap.slice(at, at + 7))
  return { sums: report.finish(status, errors), lines }
}

const good = `TAP version 14
1..2
# Subtest: test/one.test.ts
    # Subtest: what holds
        ok 1 - first
        ok 2 - second
        1..2
    ok 1 - what holds # time=5ms
    1..1
ok 1 - test/one.test.ts # time=1234ms

# Subtest: test/two.test.ts
    ok 1 - with a kernel # SKIP not root
    1..1
ok 2 - test/two.test.ts # time=60ms

# time=1300ms
`

t.test('a line for each file, and the sums alone on the last', (t) => {
  const { lines, sums } = reportOf(good, { errors: 'a word of some test\n' })
  t.strictSame(lines, [
    '1/2    1.2 s  test/one.test.ts',
    '2/2    0.1 s  test/two.test.ts  skipped',
    '',
    '2 passed, 0 failed, 1 skipped',
  ])
  t.strictSame(sums, { passed: 2, failed: 0, skipped: 1 })
  t.end()
})

t.test('a failure is told in the end, with all that is known of it', (t) => {
  const tap = good
    .replace(
      '        ok 2 - second\n',
      '        not ok 2 - second\n          ---\n          diff: |\n            -1\n            +2\n          compare: ===\n          ...\n',
    )
    .replace('    ok 1 - what', '    what it printed\n    not ok 1 - what')
    .replace('\nok 1 - test', '\nnot ok 1 - test')
  const { lines, sums } = reportOf(tap, { status: 1, errors: 'a word of some test\n' })
  t.strictSame(lines, [
    '1/2    1.2 s  test/one.test.ts  FAILED (1)',
    '2/2    0.1 s  test/two.test.ts  skipped',
    '',
    'On standard error:',
    '',
    'a word of some test',
    '',
    'FAILED test/one.test.ts > what holds > second',
    '    diff:',
    '        -1',
    '        +2',
    '    compare: ===',
    '',
    'test/one.test.ts also printed:',
    '    what it printed',
    '',
    '1 passed, 1 failed, 1 skipped',
  ])
  t.strictSame(sums, { passed: 1, failed: 1, skipped: 1 })
  t.end()
})

t.test('what tap lets pass, or says of no test, is a failure', (t) => {
  const file = (results: string, end: string) => `TAP version 14\n1..1\n# Subtest: test/a.test.ts\n${results}${end}\n`
  const cases: [string, string, RegExp][] = [
    [
      'a file that asserts nothing',
      file('    1..0 # no tests found\n', 'ok 1 - test/a.test.ts # SKIP no tests found'),
      /^FAILED test\/a\.test\.ts\n {4}reason: it asserts nothing$/m,
    ],
    [
      'what is still to do',
      file('    ok 1 - later # TODO soon\n    1..1\n', 'ok 1 - test/a.test.ts'),
      /^FAILED test\/a\.test\.ts > later\n {4}still to do: soon$/m,
    ],
    [
      'a process that died',
      file(
        '    ok 1 - first\n',
        'not ok 1 - test/a.test.ts # time=1ms\n  ---\n  cwd: /\n  exitCode: null\n  signal: SIGSEGV\n  ...',
      ),
      /^FAILED test\/a\.test\.ts\n {4}exitCode: null\n {4}signal: SIGSEGV$/m,
    ],
    [
      'a time-out',
      file(
        '    not ok 1 - timeout!\n      ---\n      signal: SIGALRM\n      ...\n    1..1\n',
        'not ok 1 - test/a.test.ts',
      ),
      /^FAILED test\/a\.test\.ts > timeout!\n {4}signal: SIGALRM$/m,
    ],
    [
      'a time-out that belongs to no file',
      `${file('    ok 1 - first\n    1..1\n', 'ok 1 - test/a.test.ts').replace('1..1', '1..2')}not ok 2 - timeout!\n  ---\n  expired: test/b.test.ts\n  ...\n`,
      /^FAILED timeout!\n {4}expired: test\/b\.test\.ts$/m,
    ],
    [
      'a plan that was not kept',
      file('    1..2\n    ok 1 - first\n', 'not ok 1 - test/a.test.ts'),
      /^FAILED test\/a\.test\.ts/m,
    ],
    [
      'a run that was called off',
      file('    ok 1 - first\n    Bail out! no kernel\n', 'Bail out! no kernel'),
      /^Bail out! no kernel$/m,
    ],
    ['a run that broke off', file('    ok 1 - first\n', ''), /^The run broke off after 0 of 1 test files\.$/m],
    ['a tap that said nothing', '', /^tap ended with status 1, and did not say why\.$/m],
  ]
  for (const [what, tap, expected] of cases) {
    const { lines, sums } = reportOf(tap, { status: 1 })
    t.match(lines.join('\n'), expected, what)
    t.ok(sums.failed > 0, what)
    t.match(lines.at(-1), /^\d+ passed, [1-9]\d* failed, 0 skipped$/, what)
  }
  t.end()
})

t.test('the slowest files are named where there are many', (t) => {
  const files = Array.from(
    { length: 12 },
    (_, at) =>
      `# Subtest: test/${at}.test.ts\n    ok 1 - x\n    1..1\nok ${at + 1} - test/${at}.test.ts # time=${at * 1000}ms\n\n`,
  )
  const { lines } = reportOf(`TAP version 14\n1..12\n${files.join('')}`)
  const from = lines.indexOf('The slowest files:')
  t.strictSame(lines.slice(from + 1, from + 3), ['  11.0 s  test/11.test.ts', '  10.0 s  test/10.test.ts'])
  t.equal(lines.slice(from + 1, -2).length, 10)
  t.end()
})

t.test('of a real run: the exit status, the sums last of all, and nothing that a terminal obeys', (t) => {
  const imports = "import t from 'tap'\n"
  const sound = { 'sound.test.ts': `${imports}t.test('it holds', async (t) => { t.equal(1 as number, 1) })` }
  const good = runIn(t, sound)
  t.equal(good.status, 0, good.stdout + good.stderr)
  t.match(good.stdout, /^1\/1 +\d+\.\d s {2}test\/sound\.test\.ts\n\n1 passed, 0 failed, 0 skipped\n$/)
  const bad = runIn(t, {
    ...sound,
    'thrown.test.ts': "throw new Error('thrown by hand')",
    'killed.test.ts': `${imports}t.pass('first')\nprocess.kill(process.pid, 'SIGKILL')`,
    'empty.test.ts': 'export {}',
  })
  t.equal(bad.status, 1)
  t.match(bad.stdout, /^FAILED test\/thrown\.test\.ts$/m)
  t.match(bad.stdout, /^Error: thrown by hand$/m)
  t.match(bad.stdout, /^FAILED test\/killed\.test\.ts\n(?: {4}.*\n)* {4}signal: SIGKILL$/m)
  t.match(bad.stdout, /^FAILED test\/empty\.test\.ts\n {4}reason: it asserts nothing$/m)
  t.match(bad.stdout, /\n\n2 passed, 3 failed, 0 skipped\n$/)
  t.notMatch(good.stdout + bad.stdout, /\x1b/)
  t.end()
})

/** Runs test files, by their names, in a directory of their own. */
function runIn(
  t: Test,
  files: Readonly<Record<string, string>>,
): { status: number | null; stdout: string; stderr: string } {
  const cwd = temporaryDirectory(t)
  mkdirSync(join(cwd, 'test'))
  symlinkSync(inRepository('node_modules'), join(cwd, 'node_modules'))
  writeFileSync(join(cwd, 'package.json'), '{ "type": "module" }')
  writeFileSync(join(cwd, '.taprc'), 'typecheck: false\ndisable-coverage: true\ninclude:\n  - test/*.test.ts\n')
  for (const [name, text] of Object.entries(files)) writeFileSync(join(cwd, 'test', name), text)
  const loader = inRepository('node_modules/@tapjs/typescript/dist/esm/import.mjs')
  // Without what tells tap that it is itself below a tap.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('TAP')))
  return spawnSync(process.execPath, [`--import=${loader}`, inRepository('test/report/main.ts')], {
    cwd,
    encoding: 'utf8',
    env: { ...env, FORCE_COLOR: '1' },
  })
}
