/** The responder's part of a self-check: arms a token for it, and tells what arrived. */
import { closeSync, openSync, readSync } from 'node:fs'
import type { Visit } from '../control/challenge-status.js'
import { typeOf, type Known } from '../challenge/challenge.js'
import { checkedName, type SelfCheckOrder } from '../control/self-check-order.js'
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

/**
 * Returns a new token with its key authorization, and arms it for as long as `challenge` is armed: a name that is made
 * of it, for one of dns-01 or tls-alpn-01.
 */
export function armForSelfCheck(leases: Leases, challenge: Known): Omit<SelfCheckOrder, 'ports' | 'families'> {
  // The token begins with its random part, because the kernel compares only its first characters. The case of a name
  // does not count.
  const type = typeOf(challenge)
  const token = `${random(16).toString(type === 'http-01' ? 'base64url' : 'hex')}-self-check`
  const keyAuthorization = `${token}.${random(32).toString('base64url')}`
  if (type === 'http-01') {
    leases.armForCheck(token, challenge.token, { keyAuthorization })
    return { token, keyAuthorization }
  }
  const record = { name: checkedName(token), value: keyAuthorization }
  leases.armForCheck(token, challenge.token, type === 'dns-01' ? { record } : {})
  return { type, token, keyAuthorization }
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
  const isOpen = ({ state, transport }: Visit) => state === 'takenOver' || (state === 'answered' && transport !== 'udp')
  for (let look = 0; look < LOOKS && leases.checked(token)?.some(isOpen); look++) await pause(clock, PAUSE)
  const seen = leases.checked(token)
  leases.disarmCheck(token)
  return seen
}

/** Returns so many random bytes. node:crypto would take 0.3 MB more memory (Pss, of 9.9 MB) for this. */
function random(length: number): Buffer {
  const bytes = Buffer.alloc(length)
  const fd = openSync('/dev/urandom', 'r')
  readSync(fd, bytes)
  closeSync(fd)
  return bytes
}
