import { setTimeout as delay } from 'node:timers/promises'

const pollMilliseconds = 20

/** The limit for what never comes. A busy machine takes its time. */
const LIMIT = 60_000

/**
 * Resolves as soon as the condition holds. It is for what has no event to wait for: a process of another session, a
 * listening socket in another namespace. Rejects with `what` in the message after `limit` milliseconds, by default a
 * minute.
 */
export async function waitUntil(
  condition: () => boolean | Promise<boolean>,
  what: string,
  limit = LIMIT,
): Promise<void> {
  const end = performance.now() + limit
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`waited ${limit} ms in vain for ${what}`)
    await delay(pollMilliseconds)
  }
}
