import type { Clock } from '../../src/responder/clock.js'

/** Turns of the event loop after each task that was due, in which what it has set off goes on. */
const TURNS = 100

/** A clock that stands still until it is told to go on. clock.test.ts shows it beside the machine's own. */
export interface FakeClock extends Clock {
  /** Lets milliseconds pass: does what is due, in the order of its time. */
  pass(milliseconds: number): Promise<void>
}

export function fakeClock(): FakeClock {
  let now = 0
  const due = new Set<{ readonly at: number; readonly task: () => void }>()
  return {
    now: () => now,
    date: () => new Date(Date.UTC(2030, 0, 2, 3, 4, 5) + now),
    after: (milliseconds, task) => {
      const entry = { at: now + milliseconds, task }
      due.add(entry)
      return () => due.delete(entry)
    },
    pass: async (milliseconds) => {
      const end = now + milliseconds
      await turns()
      for (;;) {
        const [next] = [...due].sort((a, b) => a.at - b.at)
        if (!next || next.at > end) break
        due.delete(next)
        now = next.at
        next.task()
        await turns()
      }
      now = end
    },
  }
}

/** Lets everything go on that does not wait for time. */
export async function turns(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setImmediate(resolve))
}
