/** Disarms a challenge of any ACME client. The responder ends with the last one. */
import { existsSync } from 'node:fs'
import type { Challenge } from '../challenge/challenge.js'
import type { ChallengeStatus } from '../control/challenge-status.js'
import { request } from '../control/client.js'
import type { Ask } from './arm.js'

/** Removes what a dead responder has left, if anything. */
export type Sweep = () => Promise<void>

/**
 * The final state of a challenge. `unarmed`: the responder has never had it. `unknown`: it was disarmed before, or the
 * responder is too old to tell. `absent`: there is no responder.
 */
export type Disarmed = ChallengeStatus | 'unarmed' | 'unknown' | 'absent'

/**
 * Disarms a challenge. Resolves when it is disarmed; after the last challenge, when the responder has ended and its
 * rules are gone.
 * @throws Failure of the responder, or of the sweep
 */
export async function disarm(
  { token }: Pick<Challenge, 'token'>,
  socket: string,
  sweep: Sweep,
  ask: Ask = request,
): Promise<Disarmed> {
  const response = await ask(socket, { op: 'disarm', token })
  if (response === 'absent') {
    await sweep()
    return 'absent'
  }
  if (response === 'stopping') return 'unknown'
  if (response.stopped && !(await isRemoved(socket))) await sweep()
  return response.challenge ?? (response.unknown ? 'unarmed' : 'unknown')
}

/** Returns whether nothing needs to be said: everybody who asked has acknowledged the answer, or nothing is known. */
export function isWell(disarmed: Disarmed): boolean {
  if (typeof disarmed === 'string') return true
  return disarmed.visits.length > 0 && disarmed.visits.every(({ state }) => state === 'acknowledged')
}

/** Milliseconds that the responder's keeper may take, and milliseconds between two looks. */
const REMOVAL_TIME = 2_000
const PAUSE = 2

/**
 * Waits until the socket is removed. The responder has ended, and its keeper removes the socket at once, unless the
 * keeper is gone or stopped itself.
 */
async function isRemoved(socket: string): Promise<boolean> {
  const end = performance.now() + REMOVAL_TIME
  while (existsSync(socket)) {
    if (performance.now() > end) return false
    await new Promise((resolve) => setTimeout(resolve, PAUSE))
  }
  return true
}
