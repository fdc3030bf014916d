/** What a hook is to try when ports are covered that nobody has tried yet, and what was seen of its tries. */
import { closeSync, openSync, readSync } from 'node:fs'
import type { Visit } from '../control/challenge-status.js'
import type { SelfCheckOrder } from '../control/self-check-order.js'
import { pause, type Clock } from './clock.js'
import type { Leases } from './leases.js'
import type { IpVersion } from '../wire/ip.js'

/** Turns of the event loop in which what came before is handled: the queue gives a packet a turn. */
const TURNS = 64

/**
 * Looks whether connections have ended, and milliseconds between two. Not a time: a process that stood still meanwhile
 * has all of them yet.
 */
const LOOKS = 100
const PAUSE = 20

/** An order with a token of its own, armed as long as `challenge` is. */
export function orderSelfCheck(
  leases: Leases,
  challenge: string,
  ports: readonly number[],
  families: readonly IpVersion[],
): SelfCheckOrder {
  // Its first characters are what the kernel compares: nobody is to guess them.
  const token = `${randomText(16)}-self-check`
  const keyAuthorization = `${token}.${randomText(32)}`
  leases.armForCheck(token, keyAuthorization, challenge)
  return { token, keyAuthorization, ports, families }
}

/**
 * Who has asked for the token of an order, which is forgotten by this; `undefined` when it is of none. Packets that the
 * kernel has queued count, and connections get their time to end: who asks has waited for long, and wants to know
 * whether to wait on.
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

/** Returns random bytes as base64url. node:crypto would take 0.3 MB more memory for this alone (Pss, of 9.9 MB). */
function randomText(length: number): string {
  const bytes = Buffer.alloc(length)
  const fd = openSync('/dev/urandom', 'r')
  readSync(fd, bytes)
  closeSync(fd)
  return bytes.toString('base64url')
}
