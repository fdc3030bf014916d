/**
 * `npm run demo` in a fresh clone installs only what builds and runs the program. A package that src had come to import
 * was not in that list, so the build failed, and with it the first command that README has for a clone.
 */
import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { inRepository } from '../../src/lab/repository.js'

t.test('what src imports is installed for a demo', (t) => {
  const { devDependencies } = JSON.parse(readFileSync(inRepository('package.json'), 'utf8')) as {
    devDependencies: Record<string, string>
  }
  const [, list = '[]'] = /const kept = (\[.*\])/.exec(readFileSync(inRepository('test/setup'), 'utf8')) ?? []
  const kept = JSON.parse(list) as string[]
  const imported = readdirSync(inRepository('src'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .flatMap((path) => [
      ...readFileSync(inRepository(`src/${path}`), 'utf8').matchAll(/(?:from|import)\s*\(?'((?:@[\w-]+\/)?[\w-]+)/g),
    ])
    .map(([, name = '']) => name)
  const needed = Object.keys(devDependencies).filter((name) => imported.includes(name))
  t.ok(needed.includes('yargs'), 'imports are found')
  t.strictSame(
    needed.filter((name) => !kept.includes(name)),
    [],
  )
  t.end()
})
