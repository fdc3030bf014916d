/** Do the packets of a connection pass our rules here, and can the rules follow them? Pure. */
import { rulesFrom, type Table } from '../../rules-read/chains.js'
import { flowtablesOf, type InstalledRules } from '../../rules-read/installed-rules.js'
import { isFollowedByMark, type Family } from '../../firewall/ruleset.js'
import { ok, unread, warn, type Finding } from './finding.js'

/**
 * Finds rules that exempt the port from connection tracking. Such traffic has no connection mark to be followed by.
 * `silent` names what could not be read.
 */
export function judgeUntracked(tables: readonly Table[], silent: readonly string[] = []): Finding {
  const found = tables.flatMap((table) =>
    rulesFrom(table, 'prerouting').flatMap(({ target, text }) =>
      target.kind === 'untrack' ? [`${table.origin}: ${text}`] : [],
    ),
  )
  if (found.length === 0 && silent.length > 0) return unread('untracked', silent)
  if (found.length === 0) return ok('untracked', 'no rule exempts the port from connection tracking')
  return warn(
    'untracked',
    `a rule exempts traffic of the port from connection tracking (${found[0] ?? ''}): its candidates are followed by source address, and it has no NAT`,
    'nothing, unless the port is that of a container: then take the exemption (notrack) away',
  )
}

/** Says whether a bit of the connection mark is used. It is not where routes depend on packet marks. */
export function judgeMarks(families: readonly Family[]): Finding {
  const routed = families.filter((family) => family.isTracked && !isFollowedByMark(family))
  if (routed.length === 0) return ok('marks', 'no route depends on our bit of the mark')
  const versions = routed.map(({ version }) => `IPv${version}`).join(' and ')
  return ok(
    'marks',
    `${versions}: routes depend on packet marks, so connections are followed by source address and port`,
  )
}

/**
 * Finds flowtables. They take forwarded connections past the rules of the FORWARD hook, from the handshake on, so past
 * ours. `isForwarded`: the port belongs to a container or another machine.
 */
export function judgeOffload(rules: InstalledRules, isForwarded: boolean, port: number): Finding {
  const found = flowtablesOf(rules)
  if (found.length === 0 && rules.silent.length > 0) return unread('offload', rules.silent)
  if (found.length === 0) return ok('offload', 'no flowtable takes connections past the rules')
  if (!isForwarded)
    return ok('offload', `${found[0] ?? ''} takes forwarded connections past the rules; this port has none`)
  return warn(
    'offload',
    `${found[0] ?? ''} takes forwarded connections past the rules, those of port ${port} too: no challenge is seen`,
    `keep the port out of it: a rule for tcp dport ${port} that accepts, before the one with "flow add" (FLOWOFFLOAD)`,
  )
}
