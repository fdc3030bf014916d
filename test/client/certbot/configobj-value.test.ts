import fc from 'fast-check'
import t from 'tap'
import { formatValue, parseValue } from '../../../src/client/certbot/configobj-value.js'
import { holds } from '../../holds.js'
import { value } from './renewal-text.js'

t.test('values are read as configobj reads them', (t) => {
  const table: readonly [string, string | string[], string][] = [
    ['manual\n', 'manual', '\n'],
    ['/x/auth --port 80  # why\r\n', '/x/auth --port 80', '  # why\r\n'],
    ['"/x/a, b # c"', '/x/a, b # c', ''],
    [`'say "hi"' \n`, 'say "hi"', ' \n'],
    [`"""a 'b' "c" d"""# x\n`, `a 'b' "c" d`, '# x\n'],
    [`'''one\ntwo'''\n`, 'one\ntwo', '\n'],
    ['http-01,\n', ['http-01'], '\n'],
    ['a, "b, c" ,d\n', ['a', 'b, c', 'd'], '\n'],
    [',\n', [], '\n'],
    ['\n', '', '\n'],
    ['""\n', '', '\n'],
    ["it's\n", "it's", '\n'],
  ]
  for (const [text, value, after] of table) t.strictSame(parseValue(text), { value, after }, JSON.stringify(text))
  for (const text of ['"open', "'''open\n", '"a" b', 'a,,b', ', a']) t.equal(parseValue(text), undefined, text)
  t.end()
})

t.test('values are written as certbot writes them: bare where they can be', (t) => {
  t.equal(formatValue(['http-01']), 'http-01,')
  t.equal(formatValue(['a', 'b, c']), 'a, "b, c"')
  t.equal(formatValue([]), ',')
  t.equal(formatValue('/x/auth --port=80'), '/x/auth --port=80')
  t.equal(formatValue(`"/my dir/auth" --x='a b'`), `"""` + `"/my dir/auth" --x='a b'` + `"""`)
  t.equal(formatValue(`ends in '"`), `'''ends in '"'''`)
  t.throws(() => formatValue('two\nlines'), { code: 'bad-option' })
  t.throws(() => formatValue(`""" '''`), { code: 'bad-option' })
  t.end()
})

t.test('properties', (t) => {
  holds(
    t,
    'what is written reads back the same',
    fc.property(value, (value) => {
      const found = parseValue(`${formatValue(value)} # comment\n`)
      return JSON.stringify(found?.value) === JSON.stringify(value) && found?.after === ' # comment\n'
    }),
  )
  holds(
    t,
    'nothing that is read throws',
    fc.property(fc.string({ unit: fc.constantFrom('"', "'", ',', '#', ' ', 'a', '\n') }), (text) => {
      parseValue(text)
      return true
    }),
  )
  t.end()
})
