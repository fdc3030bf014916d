import t from 'tap'
import { paintFor } from '../../../src/cli/colour.js'
import { fail, ok, warn } from '../../../src/diagnosis/doctor/finding.js'
import { formatFindings, isWell } from '../../../src/diagnosis/doctor/report.js'

const plain = paintFor({}, {})

t.test('a line each, in columns, with the fix behind an arrow, and a count', (t) => {
  const findings = [ok('rights', 'root'), warn('run-directory', 'odd', 'look'), fail('port', 'nobody', 'start it')]
  t.equal(
    formatFindings(findings, plain),
    `ok    rights         root
warn  run-directory  odd -> look
fail  port           nobody -> start it
1 ok, 1 warn, 1 fail`,
  )
  t.end()
})

t.test('the level has its colour', (t) => {
  const paint = paintFor({ isTTY: true }, {})
  t.match(formatFindings([ok('port', 'x')], paint), /^\u001b\[32mok {2}\u001b\[39m {2}port {2}x$/m)
  t.match(formatFindings([fail('port', 'x', 'y')], paint), /^\u001b\[31mfail\u001b\[39m/)
  t.end()
})

t.test('what others have written cannot move the cursor or make a line', (t) => {
  t.match(
    formatFindings([warn('filter', 'a\u001b[2J\nok b', 'c\r')], plain),
    /^warn {2}filter {2}a\\x1b\[2J\\nok b -> c\\r\n0 ok/,
  )
  t.end()
})

t.test('only a failure makes it unwell', (t) => {
  t.equal(isWell([ok('port', 'x'), warn('port', 'x', 'y')]), true)
  t.equal(isWell([ok('port', 'x'), fail('port', 'x', 'y')]), false)
  t.end()
})
