/** The IP versions of this machine, and whether connections are tracked in each. */
import type { Run } from '../firewall/run.js'
import { hasIpv6, isTracking } from '../firewall/tracking.js'
import type { Ruleset } from '../firewall/ruleset.js'

/** The IP versions that rules are for, and whether connections are tracked in each. */
export type Families = Ruleset['families']

/** Returns the IP versions of this network namespace. Changes nothing. */
export async function findFamilies(run: Run): Promise<Families> {
  const versions = hasIpv6() ? ([4, 6] as const) : ([4] as const)
  // They are probed in turn, because both probes read the same count.
  const found = []
  for (const version of versions) found.push({ version, isTracked: await isTracking(version, run) })
  return found
}

/** Returns the IP versions of both lists. A version counts as tracked if either list says so. */
export function joinFamilies(before: Families, now: Families): Families {
  const all = [...before, ...now]
  return ([4, 6] as const)
    .filter((version) => all.some((family) => family.version === version))
    .map((version) => ({ version, isTracked: all.some((family) => family.version === version && family.isTracked) }))
}

/** Returns the IP versions in words, for the log. */
export function describeFamilies(families: Families): string {
  return families.map(({ version, isTracked }) => `IPv${version} ${isTracked ? 'tracked' : 'untracked'}`).join(', ')
}
