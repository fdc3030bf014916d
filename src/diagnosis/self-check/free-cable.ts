/**
 * Finds a cable on networks that are not used here. The kernel's routes tell, in all tables; every address is among
 * them.
 */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { ATTEMPTS, formatBatch, planCable, type Cable } from './cable.js'
import type { IpVersion } from '../../wire/ip.js'

/** Runs ip(8) with these arguments and input lines. Returns its standard output, or undefined when it failed. */
export type RunIp = (words: readonly string[], lines: readonly string[]) => Promise<string | undefined>

/** Returns a cable of planCable; undefined when no network is free, or routes cannot be read. */
export async function freeCable(
  pid: number,
  addresses: readonly string[],
  ip: RunIp = ipIn(pid),
): Promise<Cable | undefined> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const cable = planCable(randomBytes(6), attempt, pid, addresses)
    if ((await isFree(4, cable.networks[4], ip)) && (await isFree(6, cable.networks[6], ip))) return cable
  }
  return undefined
}

/**
 * Returns whether no route leads to the network or to a part of it. Routes for everything else do not count. A kernel
 * without IPv6 has none of its routes.
 */
async function isFree(version: IpVersion, network: string, ip: RunIp): Promise<boolean> {
  const lines = ['match', 'root'].map((relation) => `route show table all ${relation} ${network}`)
  const listing = await ip(['-json', `-${version}`], lines)
  return listing === undefined ? version === 6 : routesIn(listing).every(isForTheRest)
}

/** Reads the routes. Each line is a JSON array of objects. */
function routesIn(listing: string): { readonly dst?: string }[] {
  return listing.split('\n').flatMap((line) => (line === '' ? [] : (JSON.parse(line) as { dst?: string }[])))
}

/** Returns whether a route is a default route, or a large part of one, as tunnels for all traffic have it. */
function isForTheRest({ dst }: { readonly dst?: string }): boolean {
  return dst === 'default' || Number(/\/(\d+)$/.exec(dst ?? '')?.[1] ?? 128) < 8
}

/** Returns a function that runs ip(8) in the network namespace of that process. */
function ipIn(pid: number): RunIp {
  return (words, lines) =>
    new Promise((resolve) => {
      const child = execFile('nsenter', [`--net=/proc/${pid}/ns/net`, 'ip', ...words, '-batch', '-'], (error, stdout) =>
        resolve(error ? undefined : stdout),
      )
      child.stdin?.on('error', () => undefined).end(formatBatch(lines))
    })
}
