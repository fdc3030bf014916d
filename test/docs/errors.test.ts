import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { SELF_CHECK_ADVICE } from '../../src/diagnosis/self-check/warning.js'
import { ADVICE } from '../../src/diagnosis/validation/diagnosis.js'
import { FIXES } from '../../src/failure.js'
import { inRepository } from '../../src/lab/repository.js'

const documented = sectionsOf(readFileSync(inRepository('docs/errors.md'), 'utf8'))
const fixes: ReadonlyMap<string, string> = new Map(Object.entries(FIXES))
const diagnoses: ReadonlyMap<string, string> = new Map(Object.entries(ADVICE))
/** What the program says to do, by code, in whichever kind of message. */
const advice = new Map([...fixes, ...diagnoses, ['self-check', SELF_CHECK_ADVICE]])
const hooks = readdirSync(inRepository('hooks')).map((name) => readFileSync(inRepository(`hooks/${name}`), 'utf8'))
// What is installed apart speaks when this place is gone, and so names no path of it.
const codesOfHooks = new Set(hooks.flatMap((text) => [...text.matchAll(/\$\(explained ([a-z-]+)\)|docs\/errors\.md#([a-z-]+)/g)].map(([, code = '', apart = '']) => code || apart)))

t.test('every code there is has its section, and every section is about one', (t) => {
  t.equal(advice.size, fixes.size + diagnoses.size + 1, 'no code has two meanings')
  t.strictSame([...codesOfHooks].sort(), ['hooks-moved', 'node-missing', 'not-built', 'unsafe-owner'])
  t.strictSame([...documented.keys()], [...new Set([...advice.keys(), ...codesOfHooks])].sort(), 'in alphabetical order')
  t.end()
})

t.test('every code of the table is raised somewhere, and no other', (t) => {
  const source = sourceFiles(inRepository('src')).map((path) => readFileSync(path, 'utf8')).join('\n')
  const raised = [...source.matchAll(/new Failure\(\s*'([^']*)'/g)].map(([, code = '']) => code)
  t.strictSame([...new Set(raised)].sort(), [...fixes.keys()].sort())
  t.end()
})

t.test('each section shows what one sees, then cause and fix', (t) => {
  for (const [code, text] of documented) {
    const [, block = '', cause, fix] = /^\n```\n(.*?)\n```\n\n\*\*Cause\.\*\* (.+?)\n\n\*\*Fix\.\*\* (.+)$/s.exec(text) ?? []
    t.ok(cause && fix, `${code}: an example in a block, **Cause.**, **Fix.**`)
    const [first = '', second = '', ...more] = block.split('\n')
    t.match(first, /^certbot-nfq: ./, `${code}: first line`)
    t.match(second, new RegExp(`^. *.*\\[${code}, (?:/opt/certbot-nfq/)?docs/errors\\.md#${code}\\]$`), `${code}: second line`)
    t.strictSame(more, [], `${code}: no more lines`)
    if (diagnoses.has(code)) t.match(first, /^certbot-nfq: (no request for example\.org reached port \d+ of this machine: |example\.org: )/, code)
    t.notMatch(cause, /^\*\*/m, `${code}: one cause`)
  }
  t.end()
})

t.test('the second line of each example is the advice that the program gives', (t) => {
  for (const [code, fix] of advice) t.ok(documented.get(code)?.includes(`\n${fix} [${code}, /opt/certbot-nfq/docs/errors.md#${code}]\n`), code)
  t.end()
})

/** From code to the text below its heading. */
function sectionsOf(markdown: string): ReadonlyMap<string, string> {
  const [, ...sections] = markdown.split(/^## /m)
  return new Map(sections.map((section) => [section.slice(0, section.indexOf('\n')), section.slice(section.indexOf('\n') + 1)]))
}

function sourceFiles(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(directory, name))
}
