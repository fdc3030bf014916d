/** Rules that exempt the port from connection tracking. Pure. */
import { rulesFrom, type Table } from '../../rules-read/chains.js'
import { ok, warn, type Finding } from './finding.js'

/** Such traffic is served too, but has no connection mark to be followed by. */
export function judgeUntracked(tables: readonly Table[]): Finding {
  const found = tables.flatMap((table) =>
    rulesFrom(table, 'prerouting').flatMap(({ target, text }) =>
      target.kind === 'untrack' ? [`${table.origin}: ${text}`] : [],
    ),
  )
  if (found.length === 0) return ok('untracked', 'no rule exempts the port from connection tracking')
  const message = `a rule exempts traffic of the port from connection tracking (${found[0] ?? ''}): its candidates are followed by source address, and it has no NAT`
  return warn(
    'untracked',
    message,
    'nothing, unless the port is that of a container: then take the exemption (notrack) away',
  )
}
