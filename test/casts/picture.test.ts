import { readFileSync } from 'node:fs'
import t from 'tap'
import { inRepository } from '../../src/lab/repository.js'
import { renderTable } from '../../src/watch/table.js'
import { ADVICE } from '../../src/diagnosis/validation/diagnosis.js'
import { drawCast, excerpt, fitted } from './picture.js'
import { COLUMNS } from './record.js'
import { screenOf, textOf, type ScreenLine } from './screen.js'

const line = (text: string, at = 0): ScreenLine => ({ at, spans: [{ text, style: 'plain' }] })

t.test('a screen has what was drawn last, and a line keeps the time at which it was first there', (t) => {
  const chunks = [
    { at: 1, text: 'head\r\n\u001B[1mone\u001B[0m two\r\n' },
    { at: 2, text: '\u001B[2A\r\u001B[Jhead\r\nother\r\n' },
  ]
  t.same(screenOf(chunks), [
    { at: 2, spans: [{ text: 'head', style: 'plain' }] },
    { at: 2, spans: [{ text: 'other', style: 'plain' }] },
  ])
  t.same(screenOf(chunks.slice(0, 1))[1]?.spans, [
    { text: 'one', style: 'bold' },
    { text: ' two', style: 'plain' },
  ])
  t.end()
})

t.test('an excerpt has every step, and tells of some', (t) => {
  const lines = ['Title', '', '1. One', '   a', '', '2. Two', '   b', '', 'Done.'].map((text) => line(text))
  t.same(excerpt(lines, [/Two/]).map(textOf), ['Title', '1. One', '2. Two', '   b', 'Done.'])
  t.end()
})

t.test('what is too wide is cut, or goes on in the next line', (t) => {
  const wide = line('x '.repeat(COLUMNS).trim(), 7)
  t.equal(fitted(wide).map(textOf)[0]?.length, COLUMNS)
  const wrapped = fitted(wide, true)
  t.ok(wrapped.length > 1 && wrapped.every((one) => textOf(one).length <= COLUMNS && one.at === 7))
  t.same(wrapped.flatMap((one) => textOf(one).trim().split(' ')).length, COLUMNS, 'and nothing is lost')
  t.end()
})

t.test('a program cannot write markup into the picture', (t) => {
  const drawn = drawCast({ title: '<t>', command: 'a && b', lines: [line('<script>"&')] })
  t.match(drawn, '&lt;script&gt;"&amp;')
  t.notMatch(drawn, '<script')
  t.end()
})

t.test('the pictures of docs are small, and show what the program says today', (t) => {
  const shown = (name: string) => {
    const text = readFileSync(inRepository(`docs/${name}.svg`), 'utf8')
    t.ok(text.length < 20_000 && !/href|url\(|@import|<script/.test(text), `${name}: small, and of one piece`)
    t.strictSame(
      text.match(/(?<=[\s>,(])\/(?!usr\/lib\/certbot-nfq\/|\.well-known\/)[a-z]+\/.*/g) ?? [],
      [],
      `${name}: no path of the machine`,
    )
    return [...text.matchAll(/<text [^>]*>(.*?)<\/text>/g)].map(([, row = '']) => plain(row))
  }
  const demo = shown('demo').join('\n')
  const story = readFileSync(inRepository('src/lab/demo.ts'), 'utf8')
  const steps = [...story.matchAll(/tell\.step\(\s*(['`])(.*?)\1/g)].map(([, , step = '']) => step.split('${')[0] ?? '')
  t.ok(steps.length > 4)
  for (const step of steps) t.ok(demo.includes(step), `the demo has its step: ${step} (npm run casts -- demo)`)

  const contents = { port: 80, rows: [], requests: 3, attempts: { refused: 0, unanswered: 0 }, missed: 0 }
  const [head = ''] = renderTable(contents, { columns: COLUMNS, lines: 24, isColoured: false })
  t.equal(shown('watch')[1], head, 'npm run casts -- watch')

  const diagnosis = shown('diagnosis')
    .map((row) => row.trim())
    .join(' ')
  t.ok(diagnosis.includes(`${ADVICE['ipv6-elsewhere']} [ipv6-elsewhere, `), 'npm run casts -- diagnosis')
  t.end()
})

/** The text of a row, without markup. */
function plain(row: string): string {
  return row
    .replace(/<[^>]*>/g, '')
    .replaceAll('\u00A0', ' ')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
}
