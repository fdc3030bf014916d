/** The clock of a responder. It is passed as an argument, so that a test can set it. */

/** Tells the time, and calls tasks later. */
export interface Clock {
  /** Milliseconds, on a clock that only goes forward. */
  now(): number
  /** The time of day, for people. */
  date(): Date
  /** Calls `task` once after so many milliseconds, at most 24 days. Returns a function that cancels this. */
  after(milliseconds: number, task: () => void): () => void
}

/** The clock of this machine. */
export const systemClock: Clock = {
  now: () => performance.now(),
  date: () => new Date(),
  after: (milliseconds, task) => {
    const timer = setTimeout(task, milliseconds)
    return () => clearTimeout(timer)
  },
}

/** Resolves after so many milliseconds. */
export function pause(clock: Clock, milliseconds: number): Promise<void> {
  return new Promise((resolve) => void clock.after(milliseconds, resolve))
}

/** Calls `task` again and again, so many milliseconds apart. Returns a function that ends this. */
export function every(clock: Clock, milliseconds: number, task: () => void): () => void {
  let cancel = clock.after(milliseconds, again)
  return () => cancel()

  function again(): void {
    cancel = clock.after(milliseconds, again)
    task()
  }
}
