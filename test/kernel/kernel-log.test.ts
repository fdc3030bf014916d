import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { isKill, wasKilledForMemory } from '../../src/kernel/kernel-log.js'
import { temporaryDirectory } from '../temporary-directory.js'

const group =
  '3,5431,37057891226,-;Memory cgroup out of memory: Killed process 17930 (node) total-vm:469648kB, anon-rss:4764kB, UID:64464'

t.test('the kernel’s lines about a killed process, of the machine and of a control group', (t) => {
  t.ok(isKill(group, 17930))
  t.ok(isKill('3,1,2,-;Out of memory: Killed process 17930 (node) total-vm:1kB', 17930))
  t.notOk(isKill(group, 1793))
  t.notOk(
    isKill('6,1,2,-;oom-kill:constraint=CONSTRAINT_MEMCG,task=node,pid=17930,uid=64464', 17930),
    'it is yet to be',
  )
  t.end()
})

t.test('a log that cannot be read tells nothing', (t) => {
  const path = join(temporaryDirectory(t), 'kmsg')
  t.notOk(wasKilledForMemory(17930, path))
  writeFileSync(path, group)
  t.ok(wasKilledForMemory(17930, path))
  t.notOk(wasKilledForMemory(1, path))
  t.end()
})
