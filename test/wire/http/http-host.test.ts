import fc from 'fast-check'
import t from 'tap'
import { MAX_HEAD, readHost } from '../../../src/wire/http/http-host.js'
import { fromText } from '../../fixtures/hex.js'
import { holds } from '../../holds.js'

const line = 'GET / HTTP/1.1\r\n'
const read = (text: string) => readHost(fromText(text))

t.test('the one Host field of a head, whatever its case, its place and its line ends', (t) => {
  for (const [head, host] of [
    ['Host: example.com\r\n\r\n', 'example.com'],
    ['hOST:example.com:80\r\nAccept: */*\r\n\r\n', 'example.com:80'],
    ['Accept: */*\r\nhost: \t[2001:db8::1] \r\n\r\n', '[2001:db8::1]'],
    ['Host: a\n\n', 'a'],
    ['Host: a\r\n\r\nHost: b\r\n\r\n', 'a'],
  ] as const)
    t.same(read(line + head), { host }, JSON.stringify(head))
  t.end()
})

t.test('a head that has not ended is partial at every length, and its end decides', (t) => {
  const head = `${line}Accept: */*\r\nHost: example.com\r\n\r\n`
  for (let length = 0; length < head.length; length++)
    t.equal(read(head.slice(0, length)), 'partial', `${length} bytes`)
  t.same(read(head), { host: 'example.com' })
  t.end()
})

t.test('no Host, two of them, an empty one, and what is no field is another’s', (t) => {
  for (const head of [
    '\r\n',
    'Accept: */*\r\n\r\n',
    'Host: a\r\nHost: a\r\n\r\n',
    'Host: a\r\nhost: b\r\n\r\n',
    'Host:\r\n\r\n',
    'Host: \t\r\n\r\n',
    'Host : a\r\n\r\n',
    ' Host: a\r\n\r\n',
    'Host: a\r\n b\r\n\r\n',
    'Host a\r\n\r\n',
    ': a\r\nHost: a\r\n\r\n',
    'Host: a\rb\r\n\r\n',
    'Host: a\r\n\r\r\n\r\n',
  ])
    t.equal(read(line + head), 'other', JSON.stringify(head))
  t.end()
})

t.test('a head is read up to its longest, and beyond that it is another’s', (t) => {
  const fill = (length: number) => {
    const rest = '\r\nHost: a\r\n\r\n'
    return `${line}X: ${'x'.repeat(length - line.length - 3 - rest.length)}${rest}`
  }
  t.same(read(fill(MAX_HEAD)), { host: 'a' })
  t.equal(read(fill(MAX_HEAD + 1)), 'other')
  t.equal(read('x'.repeat(MAX_HEAD - 1)), 'partial')
  t.equal(read('x'.repeat(MAX_HEAD)), 'other')
  t.equal(read(`${line}X: ${'x'.repeat(MAX_HEAD)}`), 'other')
  t.end()
})

t.test('of any bytes nothing is thrown, and more bytes never take back what was decided', (t) => {
  const bytes = fc.array(fc.constantFrom(...'Host: a\r\nb'), { maxLength: 80 }).map((text) => text.join(''))
  holds(
    t,
    'decided once and for all',
    fc.property(bytes, bytes, (one, more) => {
      const before = read(line + one)
      return before === 'partial' || JSON.stringify(read(line + one + more)) === JSON.stringify(before)
    }),
  )
  t.end()
})
