import { join } from 'node:path'
import t from 'tap'
import { formatJournalEntry, journalSink } from '../../src/responder/journal.js'
import type { LogEntry } from '../../src/responder/log-format.js'
import { openLog } from '../../src/responder/log.js'
import { listenForDatagrams } from '../kernel/datagram-listener.js'
import { temporaryDirectory } from '../temporary-directory.js'

const entry: LogEntry = {
  time: new Date(0),
  level: 'warning',
  message: 'token expired',
  fields: { event: 'expired', port: 80 },
}

t.test('a line is one datagram of the journal’s own protocol', (t) => {
  const text = 'PRIORITY=4\nSYSLOG_IDENTIFIER=certbot-nfq\nMESSAGE=token expired\nNFQ_EVENT=expired\nNFQ_PORT=80\n'
  t.equal(Buffer.from(formatJournalEntry(entry)).toString(), text)
  const levels = (['debug', 'info', 'warning', 'error'] as const).map((level) =>
    Buffer.from(formatJournalEntry({ ...entry, level }))
      .toString()
      .slice(0, 11),
  )
  t.strictSame(levels, ['PRIORITY=7\n', 'PRIORITY=6\n', 'PRIORITY=4\n', 'PRIORITY=3\n'])
  t.end()
})

t.test('a value of several lines goes with its length, so that no line of it passes for a field', (t) => {
  const bytes = Buffer.from(formatJournalEntry({ ...entry, message: 'ü\nPRIORITY=0', fields: {} }))
  const expected = Buffer.concat([
    Buffer.from('PRIORITY=4\nSYSLOG_IDENTIFIER=certbot-nfq\nMESSAGE\n'),
    Buffer.from([13, 0, 0, 0, 0, 0, 0, 0]),
    Buffer.from('ü\nPRIORITY=0\n'),
  ])
  t.strictSame(bytes, expected)
  t.end()
})

t.test('a very long message is cut, for the journal would refuse it whole', (t) => {
  const { length } = formatJournalEntry({ ...entry, message: 'x'.repeat(10_000_000) })
  t.ok(length < 20_000, `${length} bytes`)
  t.end()
})

t.test('the journal gets warnings and errors, with --verbose everything', async (t) => {
  const path = join(temporaryDirectory(t), 'socket')
  const messages = async (isVerbose: boolean, count: number) => {
    const journal = await listenForDatagrams(t, path)
    const sink = await journalSink(isVerbose, path)
    const log = openLog(isVerbose, sink ? [sink] : [])
    for (const level of ['debug', 'info', 'warning', 'error'] as const) log(level, `of ${level}`)
    const received = await journal.received(count)
    await journal.stop()
    return received.map((bytes) => /^MESSAGE=(.*)$/m.exec(bytes.toString())?.[1])
  }
  t.strictSame(await messages(false, 2), ['of warning', 'of error'])
  t.strictSame(await messages(true, 4), ['of debug', 'of info', 'of warning', 'of error'])
})

t.test('where there is no journal there is no sink', async (t) => {
  t.equal(await journalSink(true, join(temporaryDirectory(t), 'absent')), undefined)
})

t.test('a journal that goes away or does not read costs lines, and nothing else', async (t) => {
  const path = join(temporaryDirectory(t), 'socket')
  const slow = await listenForDatagrams(t, path, { isSlow: true })
  const sink = await journalSink(false, path)
  const log = openLog(false, sink ? [sink] : [])
  t.doesNotThrow(() => {
    for (let line = 0; line < 1_000; line++) log('warning', `line ${line}`)
  })
  await slow.stop()
  t.doesNotThrow(() => log('error', 'nobody hears'))
  const back = await listenForDatagrams(t, path)
  log('error', 'heard again')
  t.match(await back.received(1), [/MESSAGE=heard again/])
})
