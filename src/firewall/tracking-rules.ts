/** Finds out whether an existing rule needs connection tracking. If one does, tracking runs. */
import { readFileSync } from 'node:fs'
import { isProgram } from './program-path.js'
import type { Run } from './run.js'
import type { IpVersion } from '../wire/ip.js'

/** Expressions, matches and targets that switch connection tracking on, as nft and iptables-save print them. */
const USES_TRACKING =
  /\bct |\b(?:snat|dnat|masquerade|redirect|conntrack|connmark|connlimit|connbytes)\b|-m (?:state|helper)\b|\b(?:CONNMARK|SNAT|DNAT|MASQUERADE|REDIRECT|NETMAP)\b/

/**
 * Returns whether some rule of the IP version needs connection tracking. It asks nft, which also shows the rules of
 * iptables-nft, and legacy iptables when that is in use.
 */
export async function hasTrackingRules(version: IpVersion, run: Run): Promise<boolean> {
  const texts = await Promise.all([nftRules(version, run), legacyRules(version, run)])
  return texts.some(usesTracking)
}

/** Returns whether one of these rules needs connection tracking. Text in quotes is a comment. */
export function usesTracking(rules: string): boolean {
  return USES_TRACKING.test(rules.replace(/"(?:\\.|[^"\\])*"/g, '""'))
}

async function nftRules(version: IpVersion, run: Run): Promise<string> {
  const family = version === 4 ? 'ip' : 'ip6'
  if (!isProgram('nft')) {
    const { stdout } = await run([version === 4 ? 'iptables-nft-save' : 'ip6tables-nft-save'])
    return stdout
  }
  // In one run, because a run takes longer than what it does.
  const { stdout } = await run(['nft', '-t', `list ruleset ${family}; list ruleset inet`])
  return stdout
}

async function legacyRules(version: IpVersion, run: Run): Promise<string> {
  const tables = version === 4 ? 'ip' : 'ip6'
  if (!isLegacyInUse(version)) return ''
  return (await run([`${tables}tables-legacy-save`])).stdout
}

/**
 * Returns whether legacy iptables has tables. It lists them in this file, for root only. A host that never used it must
 * not get tables from our looking.
 */
export function isLegacyInUse(version: IpVersion): boolean {
  try {
    return readFileSync(`/proc/net/ip${version === 4 ? '' : '6'}_tables_names`, 'latin1') !== ''
  } catch {
    return false
  }
}
