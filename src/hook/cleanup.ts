/** The cleanup hook: takes the challenge back; with the last one the responder ends. */
import { existsSync } from 'node:fs'
import { request } from '../control/client.js'
import { readToken, type Environment } from './challenge.js'

/** Removes what a killed responder left behind, if anything. */
export type Sweep = () => Promise<void>

/** Returns once the challenge is disarmed, and with the last one once the responder has ended and its rules are gone. @throws Failure */
export async function cleanup(environment: Environment, socket: string, sweep: Sweep): Promise<void> {
  const response = await request(socket, { op: 'disarm', token: readToken(environment) })
  if (response === 'absent') await sweep()
  else if (response !== 'stopping' && response.stopped) await removed(socket)
}

/** Milliseconds to wait for the responder's keeper, and between looks. */
const REMOVAL_TIME = 500
const PAUSE = 2

/** The responder has ended; what keeps it removes the socket in the same instant. */
async function removed(socket: string): Promise<void> {
  const end = performance.now() + REMOVAL_TIME
  while (existsSync(socket) && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, PAUSE))
}
