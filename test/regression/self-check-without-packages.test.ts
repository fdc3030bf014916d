import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { inRepository } from '../../src/lab/repository.js'

// One import of firewall/run.ts brought execa along, which took a hook's self-check 100 ms of processor time.
t.test('a self-check loads no package', (t) => {
  const seen = new Set<string>()
  const packages: string[] = []
  const visit = (path: string) => {
    if (seen.has(path)) return
    seen.add(path)
    const source = readFileSync(path, 'utf8')
    for (const [, target = ''] of source.matchAll(/^(?:import|export) (?!type)[^;']*? from '([^']+)'/gm)) {
      if (target.startsWith('.')) visit(join(dirname(path), target.replace(/\.js$/, '.ts')))
      else if (!target.startsWith('node:')) packages.push(`${path}: ${target}`)
    }
  }
  visit(inRepository('src/diagnosis/self-check/self-check.ts'))
  t.ok(seen.has(inRepository('src/rules-read/installed-rules.ts')))
  t.strictSame(packages, [])
  t.end()
})
