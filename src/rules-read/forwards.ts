/** Where destination NAT sends the port's connections. Pure. */
import { rulesFrom, type Table } from './chains.js'

/** A destination that NAT sends the port to. */
export interface Forward {
  /** The address of a container or another machine; undefined for another port of this machine. */
  readonly address: string | undefined
  /** Undefined when the port is not changed. */
  readonly port: number | undefined
  /** The table, such as `iptables-nft nat`. */
  readonly origin: string
}

/** Returns each destination once. */
export function forwardsOf(tables: readonly Table[]): Forward[] {
  const found = tables.flatMap(({ origin, ...table }) =>
    rulesFrom({ origin, ...table }, 'prerouting').flatMap(({ target }) =>
      target.kind === 'forward' && (target.address !== undefined || target.port !== undefined)
        ? [{ address: target.address, port: target.port, origin }]
        : [],
    ),
  )
  return found.filter(
    (one, at) => found.findIndex((other) => other.address === one.address && other.port === one.port) === at,
  )
}
