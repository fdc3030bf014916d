import { readFileSync } from 'node:fs'
import t from 'tap'
import { inRepository } from '../../src/lab/repository.js'

const read = (path: string) => readFileSync(inRepository(path), 'utf8')

t.test('what npm test leaves out has a command of its own, which CI runs', (t) => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  const run = [...read('.ci/run').matchAll(/npm run (\S+)/g)].map(([, name = '']) => scripts[name] ?? '').join('\n')
  const left = (read('.taprc').split('exclude:')[1] ?? '').match(/test\/\S+/g) ?? []
  t.ok(left.length > 0, 'the list is found')
  for (const path of left) t.ok(run.includes(path.replace(/\*\*$/, '*.test.ts')), path)
  t.end()
})
