import t from 'tap'
import { every, pause, systemClock, type Clock } from '../../src/responder/clock.js'
import { fakeClock } from './fake-clock.js'

const fake = fakeClock()
const clocks: readonly [string, Clock, (milliseconds: number) => Promise<void>][] = [
  ["the machine's", systemClock, (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))],
  ['the one of the tests', fake, (milliseconds) => fake.pass(milliseconds)],
]

for (const [name, clock, pass] of clocks) {
  t.test(`${name} calls what is due, in the order of its time, and once`, async (t) => {
    const [now, date] = [clock.now(), clock.date()]
    const calls: string[] = []
    clock.after(20, () => calls.push('second'))
    clock.after(10, () => calls.push('first'))
    const cancel = clock.after(15, () => calls.push('never'))
    cancel()
    t.strictSame(calls, [], 'not at once')
    await pass(60)
    t.strictSame(calls, ['first', 'second'])
    t.ok(clock.now() - now >= 59, 'milliseconds')
    t.ok(clock.date().getTime() - date.getTime() >= 59, 'of the day as well')
    cancel()
  })

  t.test(`${name} waits, again and again until it is told to stop`, async (t) => {
    let calls = 0
    const before = clock.now()
    await Promise.all([pause(clock, 20), pass(30)])
    t.ok(clock.now() - before >= 19)
    await new Promise<void>((resolve) => {
      const stop = every(clock, 5, () => {
        calls++
        if (calls < 3) return
        stop()
        resolve()
      })
      void pass(30)
    })
    await pass(30)
    t.equal(calls, 3)
  })
}
