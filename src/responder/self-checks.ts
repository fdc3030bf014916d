/** The responder's part of a self-check: arms a token for it, and tells what arrived. */
import { closeSync, openSync, readSync } from 'node:fs'
import type { Visit } from '../control/challenge-status.js'
import type { SelfCheckOrder } from '../control/self-check-order.js'
import { pause, type Clock } from './clock.js'
import type { Leases } from './leases.js'

/** Turns of the event loop to wait for packets that are queued already. One packet is handled in each turn. */
const TURNS = 64

/**
 * How often to look whether the connections have ended, and the milliseconds between two looks. Looks are counted, and
 * not time, so that a process that was stopped for a while still makes all of them.
 */
const LOOKS = 100
const PAUSE = 20

/** Returns a new token with its key authorization, and arms it for as long as `challenge` is armed. */
export function armForSelfCheck(leases: Leases, challenge: string): Pick<SelfCheckOrder, 'token' | 'keyAuthorization'> {
  // The token begins with its random part, because the kernel compares only its first characters.
  const token = `${randomText(16)}-self-check`
  const keyAuthorization = `${token}.${randomText(32)}`
  leases.armForCheck(token, keyAuthorization, challenge)
  return { token, keyAuthorization }
}

/**
 * Ends a self-check. Returns the visits for its token, and forgets the token; `undefined` if it belongs to no order.
 *
 * The hook disarms the token last, and some of its requests may still be unanswered then. So packets that are queued
 * are handled first, and open connections get about 2 s to end. The visits then tell a lost request from a slow one.
 */
export async function reportSelfCheck(
  leases: Leases,
  token: string,
  clock: Clock,
): Promise<readonly Visit[] | undefined> {
  for (let turn = 0; turn < TURNS && leases.checked(token); turn++)
    await new Promise((resolve) => setImmediate(resolve))
  const isOpen = ({ state }: Visit) => state === 'takenOver' || state === 'answered'
  for (let look = 0; look < LOOKS && leases.checked(token)?.some(isOpen); look++) await pause(clock, PAUSE)
  const seen = leases.checked(token)
  leases.disarmCheck(token)
  return seen
}

/** Returns so many random bytes as base64url. node:crypto would take 0.3 MB more memory (Pss, of 9.9 MB) for this. */
function randomText(length: number): string {
  const bytes = Buffer.alloc(length)
  const fd = openSync('/dev/urandom', 'r')
  readSync(fd, bytes)
  closeSync(fd)
  return bytes.toString('base64url')
}
