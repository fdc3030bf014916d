/** Who owns the port. Pure. */
import { reachOf } from '../../network/addresses.js'
import type { IpVersion } from '../../wire/ip.js'
import { fail, ok, warn, type Finding } from './finding.js'
import type { Forward } from '../../rules-read/forwards.js'
import type { Listener } from './listeners.js'

/** What is known of the port. */
export interface PortFacts {
  readonly port: number
  /** The port that every CA asks, and what usually answers there. */
  readonly asked: number
  readonly server: string
  /** The option that gives the port. */
  readonly option: string
  readonly listeners: readonly Listener[]
  /** Where destination NAT sends it, for each family. */
  readonly forwards: Readonly<Record<IpVersion, readonly Forward[]>>
  /** The sockets that listen where a forward to another port of this machine leads. */
  readonly redirected: readonly Listener[]
  /** Whether the responder serves a port that nobody listens on. */
  readonly isStandalone: boolean
  /** Whether some rules could not be read, so that NAT may send it on unseen. */
  readonly areRulesUnread?: boolean
}

/**
 * Judges who owns the port. Somebody has to listen, or the responder does: without a connection there is nothing to
 * take over.
 */
export function judgePort(facts: PortFacts): Finding {
  const { port, listeners, forwards, redirected, asked, server, option } = facts
  const away = [...forwards[4], ...forwards[6]]
  const owners = describeAll(listeners)
  if (away.length > 0) {
    const where = [...new Set(away.map((forward) => describeForward(forward, port)))].join(' and ')
    const isDead =
      away.every(({ address }) => address === undefined) && redirected.length === 0 && listeners.length === 0
    if (isDead)
      return fail('port', `port ${port} goes to ${where} by NAT, and nobody listens there`, `start the ${server}`)
    const who = [describeAll(redirected), owners && `${owners} has the port itself`].filter(Boolean).join('; ')
    return ok('port', `port ${port} goes to ${where} by NAT${who && ` (${who})`}`)
  }
  if (listeners.length === 0 && facts.areRulesUnread)
    return warn(
      'port',
      `nobody listens on port ${port}, and whether NAT sends it on is not known, as rules could not be read`,
      process.geteuid?.() === 0 ? 'see what filter says of them' : 'run doctor as root',
    )
  if (listeners.length === 0 && port !== asked)
    return warn(
      'port',
      `nobody listens on port ${port}, and a CA asks port ${asked}, which nothing on this machine sends there`,
      `leave out ${option}, unless a router forwards its port ${asked} to port ${port} of this machine${facts.isStandalone ? '' : `; then start the ${server}`}`,
    )
  if (listeners.length === 0 && facts.isStandalone)
    return ok('port', `nobody listens on port ${port}, and no NAT sends it on: the responder will serve it itself`)
  if (listeners.length === 0) {
    return fail(
      'port',
      `nobody listens on port ${port}, and no NAT sends it on: there is no connection to take over`,
      `start the ${server}, give another ${option}, or leave out --no-standalone`,
    )
  }
  if (servedFamilies(facts).length === 0)
    return warn(
      'port',
      `port ${port} belongs to ${owners}, which only this machine can reach`,
      `let the ${server} listen on an address that the CA can reach`,
    )
  return ok('port', `port ${port} belongs to ${owners}`)
}

/**
 * Returns the IP versions by which a connection from outside finds a server. A socket on `::` takes IPv4 too, unless it
 * is told not to.
 */
export function servedFamilies({ listeners, forwards, redirected, isStandalone }: PortFacts): IpVersion[] {
  const isOpen = ({ address }: Listener) => reachOf(address) !== 'loopback'
  const open = [...listeners, ...redirected].filter(isOpen)
  const isFree = (family: IpVersion) =>
    isStandalone && !listeners.some(({ version, address }) => version === family || address === '::')
  return ([4, 6] as const).filter(
    (family) =>
      isFree(family) ||
      forwards[family].some(({ address }) => address !== undefined) ||
      open.some(({ version, address }) => version === family || (family === 4 && address === '::')),
  )
}

function describeForward({ address, port, origin }: Forward, from: number): string {
  if (address === undefined) return `port ${port ?? from} of this machine, says ${origin}`
  return `${address.includes(':') ? `[${address}]` : address}:${port ?? from}, says ${origin}`
}

/** Returns `nginx (process 42) on 0.0.0.0 and ::`, or an empty text for nobody. */
function describeAll(listeners: readonly Listener[]): string {
  const byOwner = new Map<string, string[]>()
  for (const { process, address } of listeners) {
    const owner = process ? `${process.name} (process ${process.pid})` : 'a process that cannot be seen from here'
    byOwner.set(owner, [...(byOwner.get(owner) ?? []), address])
  }
  return [...byOwner].map(([owner, addresses]) => `${owner} on ${addresses.join(' and ')}`).join(', ')
}
