import fc from 'fast-check'
import t from 'tap'
import { isPrintable, printable, printableBytes, printableJson, wordsOf } from '../../src/wire/printable.js'
import { holds } from '../holds.js'

/**
 * Independent of the ranges that are tested: controls, format characters, what has no glyph, line and paragraph
 * separators, default ignorables.
 */
const STEERS = /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}\p{Cs}\p{Noncharacter_Code_Point}\p{Default_Ignorable_Code_Point}]/u

const strange = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom('\x1b', '[', '\x9b', '\r', '\n', '\u202e', '\u{e0041}', '\ud800', '\\', 'a', 'é', '😀'),
  }),
)

t.test('the words of a key', (t) => {
  for (const [key, words] of [
    ['takenOver', 'taken over'],
    ['logLinesLost', 'log lines lost'],
    ['flows', 'flows'],
    ['of an older version', 'of an older version'],
  ] as const)
    t.equal(wordsOf(key), words)
  t.end()
})

t.test('what steers a terminal is shown as an escape, what people write stays', (t) => {
  t.equal(
    printable('\x1b]0;title\x07a\r\nb\tc\x7f\x9b2J\u202eabc\u2028\u{e0041}\ud800'),
    '\\x1b]0;title\\x07a\\r\\nb\\tc\\x7f\\x9b2J\\u{202e}abc\\u{2028}\\u{e0041}\\u{d800}',
  )
  for (const text of ['', 'bücher.example', 'C:\\n', '域名', '… ’ 😀 1 ok']) t.equal(printable(text), text)
  t.end()
})

t.test('of all characters that Unicode has, none that steers is left as it is', (t) => {
  const missed: string[] = []
  for (let code = 0; code <= 0x10ffff; code++) {
    const character = String.fromCodePoint(code)
    if (STEERS.test(character) && isPrintable(character)) missed.push(code.toString(16))
  }
  t.same(missed, [])
  t.end()
})

t.test('every byte that is not printable ASCII is escaped', (t) => {
  const all = printableBytes(Uint8Array.from({ length: 256 }, (_, byte) => byte))
  t.match(all, /^[ -~]*$/)
  t.equal(
    printableBytes(Buffer.from('a\\b\r\n\t\x1b\x1f ~\x7f\x9b é', 'latin1')),
    'a\\\\b\\r\\n\\t\\x1b\\x1f ~\\x7f\\x9b \\xe9',
  )
  t.end()
})

t.test('properties', (t) => {
  holds(
    t,
    'nothing that steers is left, and a second time changes nothing',
    fc.property(strange, (text) => {
      const shown = printable(text)
      return (
        !STEERS.test(shown) &&
        isPrintable(shown) &&
        printable(shown) === shown &&
        isPrintable(text) === (shown === text)
      )
    }),
  )
  holds(
    t,
    'JSON says the same, on the same lines',
    fc.property(
      fc.dictionary(strange, fc.oneof(strange, fc.array(strange))),
      fc.constantFrom(undefined, 2),
      (value, indent) => {
        const json = JSON.stringify(value, null, indent)
        const shown = printableJson(json)
        return (
          !STEERS.test(shown.replaceAll('\n', '')) &&
          shown.split('\n').length === json.split('\n').length &&
          JSON.stringify(JSON.parse(shown)) === JSON.stringify(value)
        )
      },
    ),
  )
  t.end()
})
