// A package came with its `.npmignore`, which npm heeds inside our tarball too, and for which lintian refused ours.
import { readdirSync } from 'node:fs'
import t from 'tap'
import { inRepository } from '../../src/lab/repository.js'

t.test('no hidden file of a package is copied into the build', (t) => {
  const files = readdirSync(inRepository('dist/node_modules'), { recursive: true, encoding: 'utf8' })
  t.ok(files.includes('execa/package.json'), 'the copies are found')
  t.strictSame(
    files.filter((file) => /(^|\/)\./.test(file)),
    [],
  )
  t.end()
})
