/** Waits for what may not come. */
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises'

/**
 * Milliseconds for an answer. The kernel repeats a SYN after 1 and 3 seconds, so a port that is served again in
 * between, by a web server that restarts, has answered by then. Where something is wrong, certbot waits as long.
 */
export const PATIENCE = 5_000

/** Milliseconds between two turns. */
const PAUSE = 50

/**
 * Resolves after that many milliseconds on an idle machine, and later on a busy one. It counts turns of the event loop,
 * each of which handles what has come. So a process that stood still does not take its own pause for another's silence.
 * Resolves at once when `givenUp` is aborted.
 */
export async function patience(milliseconds: number, givenUp: AbortSignal): Promise<void> {
  try {
    for (let turn = 0; turn < milliseconds / PAUSE; turn++) await delay(PAUSE, undefined, { signal: givenUp })
    // Timers run first in a turn, and what has arrived is handled after them.
    await nextTurn()
  } catch {
    // Given up.
  }
}
