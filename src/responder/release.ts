/** Ends a responder: gives back everything that it holds. */
import type { ControlServer } from '../control/server.js'
import { toFailure } from '../failure.js'
import type { Lock } from '../kernel/lock.js'
import type { Log } from './log.js'
import type { PacketPath } from './packet-path.js'
import { removeRunDirectory, type RunDirectory } from './run-directory.js'
import type { Rules } from './rules.js'
import type { Standalone } from './servers/standalone.js'
import type { Watchdog } from './watchdog.js'

/** Releases everything. Call it when nothing is armed any more. @throws Failure when rules may be left */
export type Release = () => Promise<void>

/** What a responder holds and has to give back. */
export interface Held {
  readonly directory: RunDirectory
  readonly lock: Lock
  readonly server: ControlServer
  readonly path: Pick<PacketPath, 'drained'>
  readonly standalone: Standalone
  readonly nameServers: Standalone
  readonly tlsServers: Standalone
  readonly rules: Rules
  readonly watchdog: Pick<Watchdog, 'stop'>
}

/** Milliseconds that connections get to end once nothing is armed any more. */
export const DRAIN_TIME = 2_000

/**
 * Releases everything in this order: the watchdog, the ports that we serve ourselves, the connections, the rules; then
 * the control socket, the lock and the run directory. Connections that were taken over get {@link DRAIN_TIME} to end,
 * while the rules still queue their packets. When the rules cannot be removed, the rest is released all the same.
 * @throws Failure when rules may be left
 */
export async function release(
  { directory, lock, server, path, standalone, nameServers, tlsServers, rules, watchdog }: Held,
  log: Log,
): Promise<void> {
  watchdog.stop()
  await Promise.all([standalone, nameServers, tlsServers].map((servers) => servers.cover(() => [])))
  await path.drained(DRAIN_TIME)
  try {
    await rules.cover(() => [])
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
