import { setImmediate as nextTurn } from 'node:timers/promises'

/**
 * Waits like `waitUntil` of the lab, for what takes microseconds: it looks at every turn of the event loop. Rejects
 * after a minute.
 */
export async function soon(condition: () => boolean, what: string, limit = 60_000): Promise<void> {
  const end = performance.now() + limit
  while (!condition()) {
    if (performance.now() > end) throw new Error(`waited ${limit} ms in vain for ${what}`)
    await nextTurn()
  }
}
