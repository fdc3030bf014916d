import fc from 'fast-check'
import t from 'tap'
import { formatEntry, type LogEntry } from '../../src/responder/log-format.js'
import { holds } from '../holds.js'

const entry: LogEntry = {
  time: new Date('2030-01-02T03:04:05.006Z'),
  level: 'info',
  message: 'token answered',
  fields: { event: 'answered', client: '[2001:db8::2]:5', port: 80 },
}

t.test('as text a line is for people: time, level, message', (t) => {
  t.equal(formatEntry(entry, 'text'), '2030-01-02T03:04:05.006Z info token answered')
  t.equal(
    formatEntry({ ...entry, message: 'fault: x\n    at y' }, 'text'),
    '2030-01-02T03:04:05.006Z info fault: x\n        at y',
    'what follows is indented',
  )
  t.end()
})

t.test('as JSON it is for programs: the same and what it is about', (t) => {
  t.equal(
    formatEntry(entry, 'json'),
    '{"time":"2030-01-02T03:04:05.006Z","level":"info","message":"token answered","event":"answered","client":"[2001:db8::2]:5","port":80}',
  )
  t.end()
})

t.test('properties', (t) => {
  const fields = fc.dictionary(
    fc.oneof(fc.string(), fc.constantFrom('time', 'level', 'message')),
    fc.oneof(fc.string(), fc.integer()),
  )
  holds(
    t,
    'JSON is one line that reads back, whatever is said, and no field replaces time, level or message',
    fc.property(fc.string({ unit: 'binary' }), fields, (message, fields) => {
      const line = formatEntry({ ...entry, message, fields }, 'json')
      const read = JSON.parse(line) as Record<string, unknown>
      return (
        !line.includes('\n') &&
        read['message'] === message &&
        read['time'] === entry.time.toISOString() &&
        read['level'] === 'info'
      )
    }),
  )
  t.end()
})
