import { readFileSync } from 'node:fs'
import t from 'tap'
import { CHECKS } from '../../src/diagnosis/doctor/finding.js'
import { inRepository } from '../../src/lab/repository.js'

const page = readFileSync(inRepository('docs/doctor.md'), 'utf8')

t.test('docs/doctor.md has a row for each check, in their order', (t) => {
  const table = page.slice(page.indexOf('## The checks'), page.indexOf('## What it cannot see'))
  t.strictSame([...table.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, check]) => check), CHECKS)
  t.end()
})

t.test('its sample shows each check, and counts right', (t) => {
  const lines = [...page.matchAll(/^ {4}(ok|warn|fail) +([a-z-]+) {2,}/gm)]
  t.strictSame(lines.map(([, , check]) => check), CHECKS)
  const count = (wanted: string) => lines.filter(([, level]) => level === wanted).length
  t.ok(page.includes(`\n    ${count('ok')} ok, ${count('warn')} warn, ${count('fail')} fail\n`))
  t.end()
})
