import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { formatDiff } from '../../../src/client/change/diff.js'
import { holds } from '../../holds.js'
import { temporaryDirectory } from '../../temporary-directory.js'

t.test('a change is shown with three lines around it', (t) => {
  const diff = formatDiff('f', '1\n2\n3\n4\nold\n6\n7\n8\n9\n', '1\n2\n3\n4\nnew\n6\n7\n8\n9\n')
  t.equal(diff, '--- f\n+++ f\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-old\n+new\n 6\n 7\n 8')
  t.end()
})

t.test('no change is nothing to show', (t) => {
  t.equal(formatDiff('f', 'a\n', 'a\n'), '')
  t.end()
})

t.test('patch(1) makes the change of it', { skip: missingPatch() }, (t) => {
  const file = join(temporaryDirectory(t), 'file')
  const text = fc.array(fc.constantFrom('a', 'b', 'c', '')).map((lines) => lines.join('\n'))
  holds(
    t,
    'of any two texts',
    fc.property(text, text, (before, after) => {
      fc.pre(before !== after && before !== '' && after !== '')
      writeFileSync(file, before)
      return (
        execFileSync('patch', ['--silent', '--reject-file=-', '--output=-', file], {
          input: `${formatDiff(file, before, after)}\n`,
          encoding: 'utf8',
        }) === after
      )
    }),
    { numRuns: 50 },
  )
  t.end()
})

function missingPatch(): string | false {
  try {
    execFileSync('patch', ['--version'], { stdio: 'ignore' })
    return false
  } catch {
    return 'not installed: patch'
  }
}
