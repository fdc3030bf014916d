import t from 'tap'
import type { Presence } from '../../src/firewall/ruleset.js'
import { Failure } from '../../src/failure.js'
import { openLog } from '../../src/responder/log.js'
import { Watchdog } from '../../src/responder/watchdog.js'
import { fakeClock } from './fake-clock.js'

const putting = 'warning the rules were changed by another program; putting them back'

t.test('rules that are there are looked at every 3 s, and left alone', async (t) => {
  const { clock, seen, watchdog, log } = stage()
  await clock.pass(2_999)
  t.strictSame(seen, [])
  await clock.pass(6_001)
  t.strictSame(seen, ['look', 'look', 'look'])
  t.strictSame([watchdog.repairs, log()], [0, []])
  watchdog.stop()
  await clock.pass(10_000)
  t.equal(seen.length, 3)
})

t.test('what another program took away is put back, in turn, and counted', async (t) => {
  const { clock, kernel, seen, watchdog, log } = stage()
  kernel.presence = 'broken'
  await clock.pass(3_000)
  t.strictSame(seen, ['look', 'turn', 'look', 'put back'])
  t.strictSame([watchdog.repairs, log()], [1, [putting]])
  kernel.presence = 'broken'
  await clock.pass(3_000)
  t.strictSame([watchdog.repairs, log()], [2, [putting, putting]], 'and the next time as well')
})

t.test('what was a change of our own is none', async (t) => {
  const { clock, kernel, seen, watchdog } = stage()
  kernel.presences = ['broken', 'whole']
  await clock.pass(3_000)
  t.strictSame(seen, ['look', 'turn', 'look'])
  t.equal(watchdog.repairs, 0)
})

t.test('where nothing is covered there is nothing to put back', async (t) => {
  const { clock, kernel, seen, log } = stage()
  kernel.presence = 'uncovered'
  await clock.pass(3_000)
  t.strictSame([seen, log()], [['look'], []])
})

t.test('another back end may be chosen after three tries that failed, not at once', async (t) => {
  const { clock, kernel, seen, watchdog, log } = stage()
  kernel.presence = 'broken'
  kernel.refusal = 'Cannot allocate memory'
  const ways = () => seen.filter((one) => one.startsWith('put back'))
  await clock.pass(9_000)
  t.strictSame(ways(), ['put back', 'put back', 'put back'])
  await clock.pass(6_000)
  t.strictSame(ways().slice(3), ['put back anew', 'put back anew'])
  const fault = 'error the rules are not all there: Cannot allocate memory'
  t.strictSame([watchdog.repairs, log()], [0, [putting, fault]], 'each is said once, not every 3 s')
  kernel.refusal = undefined
  await clock.pass(3_000)
  t.equal(watchdog.repairs, 1)
  kernel.presence = 'broken'
  await clock.pass(3_000)
  t.equal(ways().at(-1), 'put back', 'after one that worked it begins anew')
})

t.test(
  'rules that came back by themselves end the count, and a fault is said again when it is a new one',
  async (t) => {
    const { clock, kernel, seen, log } = stage()
    const fault = 'error the rules are not all there: busy'
    kernel.refusal = 'busy'
    for (let round = 0; round < 2; round++) {
      kernel.presence = 'broken'
      await clock.pass(9_000)
      kernel.presence = 'whole'
      await clock.pass(3_000)
    }
    t.notOk(seen.includes('put back anew'))
    t.strictSame(log(), [putting, fault, putting, fault])
  },
)

t.test('rules that cannot be seen are no change; that is said once', async (t) => {
  const { clock, kernel, seen, log } = stage()
  kernel.presence = { unknown: 'no answer within 15 s' }
  await clock.pass(9_000)
  t.strictSame(seen, ['look', 'look', 'look'])
  t.strictSame(log(), ['warning it cannot be seen whether the rules are all there: no answer within 15 s'])
})

t.test('a look that takes longer than the time to the next is not made twice', async (t) => {
  const { clock, kernel, seen } = stage()
  let end: () => void = () => undefined
  kernel.wait = new Promise((resolve) => (end = resolve))
  await clock.pass(9_000)
  t.strictSame(seen, ['look'])
  end()
  await clock.pass(3_000)
  t.strictSame(seen, ['look', 'look'])
})

/** A watchdog over rules that do as they are told; rules.test.ts has the real ones. */
function stage() {
  const clock = fakeClock()
  const log = openLog(true, [])
  const seen: string[] = []
  const kernel = {
    presence: 'whole' as Presence | 'uncovered',
    /** The next presences, before that one. */
    presences: [] as Presence[],
    refusal: undefined as string | undefined,
    wait: Promise.resolve(),
  }
  const rules = {
    presence: async () => {
      seen.push('look')
      await kernel.wait
      return kernel.presences.shift() ?? kernel.presence
    },
    inTurn: async <Result>(task: () => Promise<Result>) => {
      seen.push('turn')
      return task()
    },
    putBack: async (anew: boolean) => {
      seen.push(anew ? 'put back anew' : 'put back')
      if (kernel.refusal !== undefined) throw new Failure('firewall-failed', kernel.refusal)
      kernel.presence = 'whole'
    },
    followMachine: async () => {
      seen.push('machine')
      return Promise.resolve()
    },
  }
  const watchdog = new Watchdog(rules, clock, log)
  const lines = () => log.recent.map((line) => line.split(' ').slice(1).join(' '))
  return { clock, kernel, seen, watchdog, log: lines }
}
