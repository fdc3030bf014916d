/** The IP versions of this machine, and how connections can be followed in each. */
import { routesByMark } from '../firewall/mark-routing.js'
import type { Run } from '../firewall/run.js'
import { hasIpv6, isTracking } from '../firewall/tracking.js'
import type { Ruleset } from '../firewall/ruleset.js'

/** The IP versions that rules are for, and how connections can be followed in each. */
export type Families = Ruleset['families']

/** Returns the IP versions of this network namespace. `mark` is our bit of the connection mark. Changes nothing. */
export async function findFamilies(run: Run, mark: number): Promise<Families> {
  const versions = hasIpv6() ? ([4, 6] as const) : ([4] as const)
  // They are probed in turn, because both probes read the same count.
  const found = []
  for (const version of versions) found.push({ version, isTracked: await isTracking(version, run) })
  return Promise.all(
    found.map(async (family) => {
      const isRoutedByMark = family.isTracked && (await routesByMark(family.version, mark, run))
      return { ...family, ...(isRoutedByMark && { isRoutedByMark }) }
    }),
  )
}

/** Returns the IP versions of both lists. What either list says of a version counts. */
export function joinFamilies(before: Families, now: Families): Families {
  return ([4, 6] as const).flatMap((version) => {
    const both = [...before, ...now].filter((family) => family.version === version)
    const isTracked = both.some((family) => family.isTracked)
    const isRoutedByMark = both.some((family) => family.isRoutedByMark)
    return both.length === 0 ? [] : [{ version, isTracked, ...(isRoutedByMark && { isRoutedByMark }) }]
  })
}

/** Returns the IP versions in words, for the log. */
export function describeFamilies(families: Families): string {
  return families
    .map(({ version, isTracked, isRoutedByMark }) => {
      const how = isRoutedByMark ? ', but routed by packet mark: followed by source' : ''
      return `IPv${version} ${isTracked ? 'tracked' : 'untracked'}${how}`
    })
    .join(', ')
}
