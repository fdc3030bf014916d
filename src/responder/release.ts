/** The end of a responder: everything is released in the opposite order of its start. */
import type { ControlServer } from '../control/server.js'
import { toFailure } from '../failure.js'
import type { Lock } from '../kernel/lock.js'
import type { Log } from './log.js'
import type { PacketPath } from './packet-path.js'
import { removeRunDirectory, type RunDirectory } from './run-directory.js'
import type { Rules } from './rules.js'
import type { Standalone } from './standalone.js'
import type { Watchdog } from './watchdog.js'

/** Releases everything, to be called once nothing is armed any more. @throws Failure when rules may be left */
export type Release = () => Promise<void>

/** Everything that a responder holds and has to give back. */
export interface Held {
  readonly directory: RunDirectory
  readonly lock: Lock
  readonly server: ControlServer
  readonly path: Pick<PacketPath, 'drained'>
  readonly standalone: Standalone
  readonly rules: Rules
  readonly watchdog: Pick<Watchdog, 'stop'>
}

/** Milliseconds for connections to end once nothing is armed any more. */
export const DRAIN_TIME = 2_000

/**
 * Gives the connections that were taken over a little time to end, while the rules still bring their packets; then
 * removes the rules, and whatever becomes of that frees socket, lock and directory. @throws Failure when rules may be
 * left
 */
export async function release(
  { directory, lock, server, path, standalone, rules, watchdog }: Held,
  log: Log,
): Promise<void> {
  watchdog.stop()
  await standalone.cover(() => [])
  await path.drained(DRAIN_TIME)
  try {
    await rules.cover(() => ({ ports: [], tokens: [] }))
  } catch (thrown) {
    log('error', toFailure(thrown).message)
    throw thrown
  } finally {
    server.close()
    lock.release()
    removeRunDirectory(directory)
    log('info', 'ended')
  }
}
