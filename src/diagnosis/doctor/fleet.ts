/** Judges the store of a fleet and its nodes. */
import { describeNode } from '../../control/describe-store.js'
import type { NodeStatus } from '../../control/store-status.js'
import { ok, warn, type Finding } from './finding.js'

/** What was read of a store. */
export type FleetReading =
  /** What went wrong, and what to do. */
  | { readonly cause: string; readonly fix: string }
  | {
      readonly url: string
      readonly nodes: readonly NodeStatus[]
      /** The number of records that do not verify. */
      readonly unverified: number
      /** This machine's clock less the store's, in milliseconds. */
      readonly offset: number
    }

/** Milliseconds by which a clock may be off. Entries bear five minutes. */
const CLOCK_LIMIT = 60_000

/** Returns what is wrong with a fleet, or that all is well. Without a store there is nothing to say. */
export function judgeFleet(reading: FleetReading | undefined): Finding[] {
  if (!reading) return []
  if ('cause' in reading) return [{ check: 'fleet', level: 'fail', message: reading.cause, fix: reading.fix }]
  const { url, nodes, unverified, offset } = reading
  const live = nodes.filter(({ isLive }) => isLive)
  const findings = [
    ...(unverified > 0
      ? [
          warn(
            'fleet',
            `${unverified} of ${nodes.length + unverified} nodes of ${url} have another secret, or are made up`,
            SECRET,
          ),
        ]
      : []),
    ...(live.length === 0
      ? [warn('fleet', `no node lives in ${url}`, 'run certbot-nfq serve --store on every machine')]
      : []),
    ...live
      .filter((node) => isOff(node.offset))
      .map((node) => warn('fleet', `clock off: ${describeNode(node)}`, CLOCK)),
    ...(isOff(offset)
      ? [warn('fleet', `this machine’s clock is ${Math.round(offset / 1000)} s off that of ${url}`, CLOCK)]
      : []),
  ]
  if (findings.length > 0) return findings
  return [
    ok(
      'fleet',
      `${live.length} live ${live.length === 1 ? 'node' : 'nodes'} in ${url}: ${live.map(({ name }) => name).join(', ')}`,
    ),
  ]
}

const SECRET = 'give all nodes the same secret file, then restart certbot-nfq serve there'
const CLOCK = 'set that clock, best by NTP (timedatectl shows it); the store’s own may be the one that is off'

function isOff(offset: number): boolean {
  return Math.abs(offset) > CLOCK_LIMIT
}
