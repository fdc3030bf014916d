import { readFileSync } from 'node:fs'
import t from 'tap'
import { inRepository } from '../../src/lab/repository.js'
import { ADVICE } from '../../src/diagnosis/validation/diagnosis.js'

const [, ...parts] = readFileSync(inRepository('docs/diagnoses.md'), 'utf8').split(/^## /m)
const sections = new Map(parts.map((part) => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n') + 1)]))

t.test('every diagnosis has its section, in alphabetical order, and there is no other section', (t) => {
  t.strictSame([...sections.keys()], Object.keys(ADVICE).sort())
  t.end()
})

t.test('each section shows what one sees, then cause and fix', (t) => {
  for (const [code, text] of sections) {
    const [, block = '', cause, fix] = /^\n```\n(.*?)\n```\n\n\*\*Cause\.\*\* (.+?)\n\n\*\*Fix\.\*\* (.+)$/s.exec(text) ?? []
    t.ok(cause && fix, `${code}: an example in a block, **Cause.**, **Fix.**`)
    const [first = '', second, ...more] = block.split('\n')
    t.match(first, /^certbot-nfq: (no request for example\.org reached port \d+ of this machine: |example\.org: )/, code)
    t.equal(second, `${ADVICE[code as keyof typeof ADVICE]} [${code}, docs/diagnoses.md]`, `${code}: the advice that the program gives`)
    t.strictSame(more, [], code)
  }
  t.end()
})
