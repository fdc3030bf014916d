import t from 'tap'
import { LOOKS, openHangJudge } from '../../src/kernel/hang.js'
import type { ProcessLook } from '../../src/kernel/process-look.js'

const asleep: ProcessLook = {
  state: 'asleep',
  startTime: '100',
  ran: '5 6 7',
  processorTime: 1,
  parent: 1,
  group: 1,
  children: [],
}
const stopped: ProcessLook = { ...asleep, state: 'stopped' }
const busy: ProcessLook = { ...asleep, state: 'busy' }

/** What a judge says of these looks, one after the other. */
function judge(looks: readonly ProcessLook[], limit = 3) {
  const { see } = openHangJudge(limit)
  return looks.map(see).find(Boolean)
}

const many = (look: ProcessLook, count = LOOKS) => Array.from({ length: count }, () => look)

t.test('a process that is stopped at every look hangs', (t) => {
  t.equal(judge(many(stopped)), 'is stopped')
  t.equal(judge(many(stopped, LOOKS - 1)), undefined, 'one look less is not enough')
  t.end()
})

t.test('one that sleeps and has not run since hangs', (t) => {
  t.equal(judge(many(asleep)), 'sleeps and does not wake up')
  t.equal(
    judge(Array.from({ length: 100 }, (_, at) => ({ ...asleep, ran: String(at) }))),
    undefined,
    'one that has run in between does not',
  )
  t.equal(judge(many({ ...asleep, ran: '' }, 100)), undefined, 'nor where the kernel does not tell')
  t.end()
})

t.test('one that wants to run, or waits for a disk, is only slow', (t) => {
  t.equal(judge(many(busy, 1_000)), undefined)
  t.equal(
    judge([...many(asleep, LOOKS - 1), busy, ...many(asleep, LOOKS - 1)]),
    undefined,
    'also when it is seen to once',
  )
  t.equal(judge([...many(stopped, LOOKS - 1), busy, ...many(stopped, LOOKS - 1)]), undefined)
  t.end()
})

t.test('one that goes on using the processor hangs once it has used more than any turn takes', (t) => {
  const using = (seconds: number, state: ProcessLook['state'] = 'busy') => ({
    ...asleep,
    state,
    processorTime: 1 + seconds,
  })
  t.equal(judge([using(0), using(1), using(2.9)]), undefined)
  t.equal(judge([using(0), using(1), using(3)]), 'is busy with something that does not end')
  t.equal(judge([using(0), using(1), using(3)], 30), undefined, 'on a slow machine that is more')
  t.end()
})

t.test('an answer, or another process of the same id, begins anew', (t) => {
  const { see, reset } = openHangJudge(3)
  for (const look of many(stopped, LOOKS - 1)) t.equal(see(look), undefined)
  reset()
  for (const look of many(stopped, LOOKS - 1)) t.equal(see(look), undefined)
  t.equal(see({ ...stopped, startTime: '200' }), undefined)
  for (const look of many({ ...stopped, startTime: '200' }, LOOKS - 2)) t.equal(see(look), undefined)
  t.equal(see({ ...stopped, startTime: '200' }), 'is stopped')
  t.end()
})
