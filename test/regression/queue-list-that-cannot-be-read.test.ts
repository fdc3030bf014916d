import { closeSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { openQueueList } from '../../src/kernel/queue-list.js'
import { temporaryDirectory } from '../temporary-directory.js'

t.test('a list of queues that cannot be read any more is as it was; whoever looks at it goes on', (t) => {
  const path = `${temporaryDirectory(t)}/nfnetlink_queue`
  writeFileSync(path, ' 8555   4242     2 2 65535     3     4       9  1\n')
  const read = openQueueList(path)
  const listed = [{ number: 8555, port: 4242, waiting: 2, lost: 7 }]
  t.strictSame(read(), listed)
  closeSync(descriptorOf(path))
  t.strictSame(read(), listed)
  t.end()
})

t.test('a list that could never be read has nothing in it', (t) => {
  const directory = temporaryDirectory(t)
  t.strictSame(openQueueList(directory)(), [], 'a directory can be opened, but not read')
  t.strictSame(openQueueList(`${directory}/nothing`)(), [])
  t.end()
})

function descriptorOf(path: string): number {
  const found = readdirSync('/proc/self/fd').find((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path
    } catch {
      return false // the descriptor of this listing
    }
  })
  if (found === undefined) throw new Error(`${path} is not open`)
  return Number(found)
}
