import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { packageOf, type Program } from '../../src/lab/programs.js'
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

t.test('what the tests without a set-up of their own run is set up for them', (t) => {
  const packages = execFileSync('bash', [inRepository('test/setup'), 'list'], { encoding: 'utf8' }).split('\n')
  const files = readdirSync(inRepository('test'), { recursive: true, encoding: 'utf8' }).filter(
    (path) => path.endsWith('.test.ts') && !/^(?:clients|dns|fleet|tls)\//.test(path),
  )
  const required = new Map<Program, string>()
  for (const file of files)
    for (const [, programs = ''] of read(`test/${file}`).matchAll(/(?:requiresKernel|missingPrograms|exec|run)\(([^)]*)\)/g))
      for (const [, name = ''] of programs.matchAll(/'([^']+)'/g))
        if (name in packageOf) required.set(name as Program, file)
  t.ok(required.size >= 10, 'they are found')
  for (const [program, file] of required) t.ok(packages.includes(packageOf[program]), `${program}, for ${file}`)
  t.end()
})
