import { existsSync, readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { inRepository } from '../../src/lab/repository.js'

const rows = rowsOf(readFileSync(inRepository('docs/security.md'), 'utf8'))
const attacks = readdirSync(inRepository('test/attack')).filter((name) => name.endsWith('test.ts')).map((name) => `test/attack/${name}`)

t.test('every attack of the table says what happens, and by which tests that are there', (t) => {
  t.ok(rows.length > 5, 'the table is found')
  for (const { attack, outcome, tests } of rows) {
    t.ok(outcome !== '' && tests.length > 0, attack)
    t.strictSame(tests.filter((path) => !existsSync(inRepository(path))), [], attack)
  }
  t.end()
})

t.test('every test of an attack is in the table', (t) => {
  const named = rows.flatMap(({ tests }) => tests)
  t.strictSame(attacks.filter((path) => !named.includes(path)), [])
  t.end()
})

t.test('npm run test:attack runs all of them, and npm run test:long the quick ones', (t) => {
  t.strictSame(attacks.filter((path) => !/^test\/attack\/[a-z0-9-]+\.(test|slow-test)\.ts$/.test(path)), [])
  t.end()
})

/** The rows of "What was tried" that are no heading: attack, outcome, and the paths of tests that are linked to. */
function rowsOf(page: string): { attack: string; outcome: string; tests: string[] }[] {
  const [, section = ''] = page.split('\n## What was tried\n')
  const [, , ...lines] = (section.split('\n## ')[0] ?? '').split('\n').filter((line) => line.startsWith('|'))
  return lines
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .filter(([, attack = '']) => !/^\*\*.*\*\*$/.test(attack))
    .map(([, attack = '', outcome = '', tests = '']) => ({ attack, outcome, tests: [...tests.matchAll(/\]\(\.\.\/([^)]+)\)/g)].map(([, path = '']) => path) }))
}
