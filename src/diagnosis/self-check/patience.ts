/** How long to wait for what may not come. */
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises'

/**
 * Milliseconds for an answer. The kernel repeats what opens a connection after 1 and 3 seconds, and a port that is
 * served again in between, as a web server's that restarts, has answered by then. Where something is wrong indeed,
 * certbot waits as long.
 */
export const PATIENCE = 5_000

/** Milliseconds between two turns. */
const PAUSE = 50

/**
 * Resolves after that many milliseconds on an idle machine, and later on a busy one: it counts turns of the event loop,
 * each of which sees what has come. So a process that stood still meanwhile does not take its own pause for somebody
 * else's silence. At once when it is given up.
 */
export async function patience(milliseconds: number, givenUp: AbortSignal): Promise<void> {
  try {
    for (let turn = 0; turn < milliseconds / PAUSE; turn++) await delay(PAUSE, undefined, { signal: givenUp })
    // Timers come first in a turn, what has come in later.
    await nextTurn()
  } catch {
    // Given up.
  }
}
