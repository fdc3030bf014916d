import { existsSync, mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import {
  endByStatus,
  forgetLoss,
  forgetLosses,
  formatLockRecord,
  noteLosses,
  parseLockRecord,
  takeLoss,
} from '../../src/responder/losses.js'
import { runDirectory, type RunDirectory } from '../../src/responder/run-directory.js'
import { temporaryDirectory } from '../temporary-directory.js'

const [one, two, three] = ['token-of-16-chars-1', 'token-of-16-chars-2', 'token-of-16-chars-3']
const record = { port: 4711, pid: 42, armed: [one, two], expired: [three] }

t.test('what a responder writes into its lock file is read again, and its first line is the port', (t) => {
  t.equal(formatLockRecord(record).split('\n')[0], '4711')
  t.strictSame(parseLockRecord(`${formatLockRecord(record)}\n`), record)
  t.strictSame(parseLockRecord(''), { port: 0, pid: 0, armed: [], expired: [] })
  t.end()
})

t.test('what is no token does not become the name of a file', (t) => {
  const bad = ['../../etc/cron.d/x', 'short', `${one} other`, `${one}\0`, 'x'.repeat(129), ` ${one}`, '']
  t.strictSame(parseLockRecord(['x', '-1', ...bad].join('\n')), { port: 0, pid: 0, armed: [], expired: [] })
  const many = Array.from({ length: 5_000 }, (_, at) => `token-of-16-chars-${at}`)
  t.equal(parseLockRecord(formatLockRecord({ ...record, armed: many })).armed.length, 2_000)
  t.end()
})

t.test('the exit status tells how a responder has ended', (t) => {
  const table = [
    [undefined, { kind: 'gone' }],
    ['0', { kind: 'gone' }],
    ['1', { kind: 'failed', number: 1 }],
    ['137', { kind: 'killed', number: 9 }],
    ['143', { kind: 'killed', number: 15 }],
    ['139', { kind: 'failed', number: 139 }],
    ['134', { kind: 'failed', number: 134 }],
  ] as const
  for (const [status, end] of table) t.strictSame(endByStatus(status), end, String(status))
  t.end()
})

t.test('each challenge gets a note, which is read once, and the last one takes the directory along', (t) => {
  const directory = withLock(t)
  noteLosses(directory, { kind: 'killed', number: 9 })
  t.strictSame(takeLoss(directory, one), { kind: 'killed', pid: 42, number: 9 })
  t.equal(takeLoss(directory, one), undefined)
  t.strictSame(takeLoss(directory, three), { kind: 'expired', pid: 42, number: 0 })
  t.strictSame(readdirSync(directory.path).sort(), ['lock', `lost-${two}`])
  forgetLoss(directory, two)
  forgetLoss(directory, two)
  t.strictSame(readdirSync(directory.path), ['lock'])
  t.end()
})

t.test('old notes are forgotten, and nothing else', (t) => {
  const directory = withLock(t)
  noteLosses(directory, { kind: 'gone' })
  utimesSync(join(directory.path, `lost-${one}`), 0, 0)
  forgetLosses(directory, 3_600_000)
  t.strictSame(readdirSync(directory.path).sort(), ['lock', `lost-${two}`, `lost-${three}`])
  forgetLosses(directory)
  t.strictSame(readdirSync(directory.path), ['lock'])
  forgetLosses(runDirectory(join(directory.path, 'absent')))
  t.end()
})

t.test('where there is no directory, or no lock file, there is no note', (t) => {
  const directory = runDirectory(join(temporaryDirectory(t), 'run'))
  noteLosses(directory, { kind: 'gone' })
  t.notOk(existsSync(directory.path))
  t.equal(takeLoss(directory, one), undefined)
  t.end()
})

t.test('a note that says nothing we know is removed, and counts as none', (t) => {
  const directory = withLock(t)
  writeFileSync(join(directory.path, `lost-${one}`), 'melted 1 2\n')
  t.equal(takeLoss(directory, one), undefined)
  t.strictSame(readdirSync(directory.path), ['lock'])
  symlinkSync('nowhere', join(directory.path, `lost-${two}`))
  t.equal(takeLoss(directory, two), undefined)
  t.end()
})

function withLock(t: Test): RunDirectory {
  const directory = runDirectory(join(temporaryDirectory(t), 'run'))
  mkdirSync(directory.path)
  writeFileSync(directory.lock, `${formatLockRecord(record)}\n`)
  return directory
}
