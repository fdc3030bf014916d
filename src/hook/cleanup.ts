/** The cleanup hook: takes the challenge back; with the last one the responder ends. */
import { request } from '../control/client.js'
import { readToken, type Environment } from './challenge.js'

/** Removes what a killed responder left behind, if anything. */
export type Sweep = () => Promise<void>

/** Returns once the challenge is disarmed, and with the last one once the responder has ended and its rules are gone. @throws Failure */
export async function cleanup(environment: Environment, socket: string, sweep: Sweep): Promise<void> {
  const response = await request(socket, { op: 'disarm', token: readToken(environment) })
  if (response === 'absent') await sweep()
}
