/** Gathers the status of a responder, which `certbot-nfq status` shows. */
import { PROTOCOL_VERSION } from '../control/message.js'
import type { ResponderStatus } from '../control/responder-status.js'
import { MAX_LEASES, type Leases } from './leases.js'
import type { Log } from './log.js'
import type { PacketPath } from './packet-path.js'
import type { Rules } from './rules.js'
import type { Standalone } from './servers/standalone.js'
import type { Watchdog } from './watchdog.js'
import type { Fleet } from './fleet.js'
import type { Webroots } from './webroots.js'

/** What never changes while a responder runs. */
export interface Identity {
  /** The version of the program. */
  readonly version: string
  readonly pid: number
  readonly startedAt: Date
  /** The bit of the connection mark. */
  readonly mark: number
}

/** The parts that the status is read from. */
export interface StatusParts {
  readonly leases: Leases
  readonly path: Pick<PacketPath, 'queue' | 'counts' | 'limits'>
  readonly rules: Pick<Rules, 'inForce' | 'unarmed'>
  readonly watchdog: Pick<Watchdog, 'repairs'>
  readonly standalone: Pick<Standalone, 'ports' | 'served'>
  readonly nameServers: Pick<Standalone, 'ports' | 'served'>
  readonly tlsServers: Pick<Standalone, 'ports' | 'served'>
  /** Milliseconds until the responder ends by itself, if it does. */
  readonly endsIn: number | undefined
  readonly webroots: Pick<Webroots, 'status'>
  readonly fleet: Pick<Fleet, 'status'>
  readonly log: Log
}

/** Returns the status at this moment. */
export function statusOf(
  { version, pid, startedAt, mark }: Identity,
  { leases, path, rules, watchdog, standalone, nameServers, tlsServers, endsIn, webroots, fleet, log }: StatusParts,
): ResponderStatus {
  const { inForce } = rules
  const served = [...new Set([standalone, nameServers, tlsServers].flatMap(({ ports }) => ports))]
  const stateless = leases.standing?.status()
  return {
    version,
    protocol: PROTOCOL_VERSION,
    pid,
    startedAt: startedAt.toISOString(),
    queue: path.queue,
    mark,
    ports: [...new Set(leases.wanted.flatMap(({ ports }) => ports))].sort((a, b) => a - b),
    ...(inForce && { firewall: inForce }),
    ...(served.length > 0 && { standalone: served }),
    ...(endsIn !== undefined && { endsIn: Math.round(endsIn / 1_000) }),
    ...(stateless && { stateless }),
    challenges: leases.status(),
    ...(webroots.status.length > 0 && { webroots: webroots.status }),
    ...(fleet.status && { store: fleet.status }),
    counts: {
      tokens: leases.size,
      ...path.counts,
      unarmed: rules.unarmed,
      rulesRepaired: watchdog.repairs,
      servedOurselves: standalone.served + nameServers.served + tlsServers.served,
      ...log.counts,
    },
    limits: { tokens: MAX_LEASES, ...path.limits, ...log.limits },
    log: log.recent,
  }
}
