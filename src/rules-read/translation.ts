/** Is a port of this machine another's, by destination NAT? */
import type { Run } from '../firewall/run.js'
import type { IpVersion } from '../wire/ip.js'
import { rulesFrom } from './chains.js'
import { readInstalledRules, tablesFor, type InstalledRules } from './installed-rules.js'

/**
 * Returns whether some rule of the family sends on what comes to `port` of any address of this machine, as the rules of
 * container engines do. Only root sees the rules of legacy iptables. What cannot be read counts as no rule.
 */
export async function isTranslated(version: IpVersion, port: number, run: Run): Promise<boolean> {
  return translatesPort(await readInstalledRules(run, [version]), version, port)
}

/**
 * The same, for rules that have been read. A rule for one address of the machine does not count. Nor does a rule that
 * sends every port on: its conditions cannot be judged, or it is about something else.
 */
export function translatesPort(rules: InstalledRules, version: IpVersion, port: number): boolean {
  const anyPort = forwardingRules(rules, version, UNUSED_PORT)
  return forwardingRules(rules, version, port).some((rule) => !anyPort.includes(rule))
}

/** A port that nothing is sent to. */
const UNUSED_PORT = 0

/** Returns each rule that may send a packet on, as text with its origin. */
function forwardingRules(rules: InstalledRules, version: IpVersion, port: number): string[] {
  // No machine has this address. So a rule for one address does not match it, and a rule for all but some does.
  const packet = { version, port, destinations: [version === 4 ? '0.0.0.0' : '::'], devices: [] }
  return tablesFor(packet, rules).flatMap((table) =>
    rulesFrom(table, 'prerouting').flatMap(({ target, text }) =>
      target.kind === 'forward' ? [`${table.origin}: ${text}`] : [],
    ),
  )
}
