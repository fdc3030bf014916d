import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { fileSink, lineSink, openLog } from '../../src/responder/log.js'
import type { LogEntry } from '../../src/responder/log-format.js'
import { temporaryDirectory } from '../temporary-directory.js'

t.test('a line has its time, level and text, and goes to every sink', (t) => {
  const one: string[] = []
  const other: string[] = []
  const log = openLog(false, [lineSink('text', (line) => one.push(line)), lineSink('json', (line) => other.push(line))])
  log('info', 'armed')
  log('error', 'fault')
  t.match(one, [/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info armed$/, /Z error fault$/])
  t.match(
    other.map((line) => JSON.parse(line) as unknown),
    [
      { level: 'info', message: 'armed' },
      { level: 'error', message: 'fault' },
    ],
  )
  t.strictSame(log.recent, one)
  t.end()
})

t.test('debug lines are for the verbose', (t) => {
  const quiet = openLog(false, [])
  const verbose = openLog(true, [])
  for (const log of [quiet, verbose]) {
    for (const level of ['debug', 'info', 'warning', 'error'] as const) log(level, level)
  }
  t.match(
    quiet.recent.map((line) => line.split(' ')[1]),
    ['info', 'warning', 'error'],
  )
  t.match(
    verbose.recent.map((line) => line.split(' ')[1]),
    ['debug', 'info', 'warning', 'error'],
  )
  t.end()
})

t.test('the newest 50 lines are kept, newest last', (t) => {
  const log = openLog(false, [])
  for (let at = 1; at <= 60; at++) log('info', `line ${at}`)
  t.equal(log.recent.length, 50)
  t.match(log.recent[0], /line 11$/)
  t.match(log.recent.at(-1), /line 60$/)
  t.end()
})

t.test('a log file is appended to, and a new one is for its owner alone', (t) => {
  const directory = temporaryDirectory(t)
  const old = join(directory, 'old')
  writeFileSync(old, 'before\n')
  fileSink(old)(entry('line'))
  t.equal(readFileSync(old, 'utf8'), 'before\n2030-01-02T03:04:05.006Z info line\n')
  const mask = process.umask(0)
  t.teardown(() => process.umask(mask))
  const made = join(directory, 'made')
  const sink = fileSink(made, 'json')
  sink(entry('one'))
  sink(entry('two'))
  t.strictSame(
    readFileSync(made, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as LogEntry).message),
    ['one', 'two'],
  )
  t.equal(statSync(made).mode & 0o777, 0o600)
  t.end()
})

t.test('a log file that cannot be opened is a failure', (t) => {
  const directory = temporaryDirectory(t)
  for (const path of [join(directory, 'absent', 'log'), directory])
    t.throws(() => fileSink(path), { code: 'log-file', message: `cannot write to the log file ${path}: ` })
  t.end()
})

t.test('a full disk silences the log, and nothing else', (t) => {
  const log = openLog(false, [], fileSink('/dev/full'))
  t.doesNotThrow(() => log('info', 'first'))
  t.doesNotThrow(() => log('info', 'second'))
  t.equal(log.recent.length, 2)
  t.strictSame(log.counts, { logBytes: 0, logLinesLost: 2 })
  t.end()
})

t.test('a file gets no more than its limit, and a last line that says so', (t) => {
  const path = join(temporaryDirectory(t), 'log')
  const sink = fileSink(path, 'json', 700)
  for (let line = 0; line < 1_000; line++) sink(entry('0123456789'))
  const lines = readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as LogEntry).message)
  t.ok(lines.length > 5 && lines.length < 12, `${lines.length} lines`)
  t.match(lines.at(-1), /no more is logged/)
  t.ok(sink.counts.logBytes >= 100)
  t.equal(sink.counts.logLinesLost, 990)
  sink({ ...entry('the next day'), time: new Date(entry('').time.getTime() + 24 * 3_600_000) })
  t.match(readFileSync(path, 'utf8'), /the next day/, 'a day later it writes again')
  t.end()
})

function entry(message: string): LogEntry {
  return { time: new Date('2030-01-02T03:04:05.006Z'), level: 'info', message, fields: {} }
}
