/** Strict reverse path filtering on a machine with several uplinks (RFC 3704, 2.2). */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ok, warn, type Finding } from './finding.js'

const CONFIGURATION = '/proc/sys/net/ipv4/conf'

/** Returns the rp_filter that is in force for each interface: the larger of its own and that of `all`. */
export function readReversePathFilters(): Map<string, number> {
  try {
    const of = (device: string) => Number(readFileSync(join(CONFIGURATION, device, 'rp_filter'), 'latin1'))
    const forAll = of('all')
    return new Map(readdirSync(CONFIGURATION).map((device) => [device, Math.max(forAll, of(device))]))
  } catch {
    return new Map()
  }
}

/**
 * Judges reverse path filtering. With one uplink the way back is the way there. Strict mode (1) drops what comes in by
 * another one.
 */
export function judgeReversePath(uplinks: readonly string[], filters: ReadonlyMap<string, number>): Finding {
  const strict = uplinks.filter((device) => filters.get(device) === 1)
  if (uplinks.length < 2) return ok('reverse-path', 'one uplink at most: reverse path filtering does no harm')
  if (strict.length === 0)
    return ok('reverse-path', `several uplinks (${uplinks.join(', ')}), none with strict reverse path filtering`)
  const message = `several uplinks (${uplinks.join(', ')}), and ${strict.join(', ')} drops what the main route would not answer by the same one (rp_filter 1)`
  return warn(
    'reverse-path',
    message,
    `sysctl -w ${strict.map((device) => `net.ipv4.conf.${device}.rp_filter=2`).join(' ')}`,
  )
}
