/** `npm run mutate` of a folder of src that has no folder in test ended with the stack trace of an ENOENT. */
import { execa } from 'execa'
import t from 'tap'
import { inRepository } from '../../src/lab/repository.js'

t.test('a folder of src without a folder of tests is named on one line', async (t) => {
  const { exitCode, stderr } = await execa('npm', ['run', '--silent', 'mutate', '--', 'src/cli/hook'], {
    cwd: inRepository('.'),
    reject: false,
  })
  t.equal(
    stderr,
    'There is no folder test/cli/hook: mutants of src/cli/hook need tests in the folder of the same name.',
  )
  t.equal(exitCode, 1)
})
