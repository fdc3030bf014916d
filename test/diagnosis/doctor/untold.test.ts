import t from 'tap'
import { untoldBy } from '../../../src/diagnosis/doctor/untold.js'

const untold = (stderr: string, unfinished?: 'killed' | 'timed out') =>
  untoldBy({ exitCode: 127, stdout: '', stderr, ...(unfinished && { unfinished }) }, 'its own fix')

t.test('what to do fits how the program ended', (t) => {
  t.strictSame(untold('it refused\nmore', undefined), { reason: 'it refused', fix: 'its own fix' })
  t.match(untold('no answer within 15 s', 'timed out').fix, /less busy/)
  t.match(untold('ended by SIGKILL', 'killed').fix, /want of memory/)
  for (const signal of ['SIGSEGV', 'SIGABRT'])
    t.match(untold(`ended by ${signal}`, 'killed').fix, /npm rebuild/, 'built for another Node')
  t.end()
})
