/** Finds out whether connection tracking runs here, by a probe that changes nothing. */
import { createSocket } from 'node:dgram'
import { readFileSync } from 'node:fs'
import type { IpVersion } from '../wire/ip.js'
import type { Run } from './run.js'
import { hasTrackingRules } from './tracking-rules.js'

const COUNT = '/proc/sys/net/netfilter/nf_conntrack_count'
const DISCARD_PORT = 9
const TRIES = 3

/**
 * Returns whether the kernel tracks connections of this IP version in this network namespace. Either a loopback
 * datagram from a new port adds an entry, or, when a rule drops even that, the rules tell.
 */
export async function isTracking(version: IpVersion, run: Run): Promise<boolean> {
  if (version === 6 && !hasIpv6()) return false
  return trackedConnections() !== undefined && ((await addsEntry(version)) || (await hasTrackingRules(version, run)))
}

/**
 * On a busy host another entry may end in the same moment, so the probe is repeated while the count does not rise.
 * Where nothing is tracked it never rises.
 */
async function addsEntry(version: IpVersion): Promise<boolean> {
  for (let tries = 0; tries < TRIES; tries++) {
    const before = trackedConnections() ?? 0
    await sendLoopbackDatagram(version)
    if ((trackedConnections() ?? 0) > before) return true
  }
  return false
}

/**
 * Returns the number of tracked connections of this network namespace; `undefined` when the kernel has no connection
 * tracking.
 */
export function trackedConnections(): number | undefined {
  try {
    return Number(readFileSync(COUNT, 'latin1'))
  } catch {
    return undefined
  }
}

/** Returns whether this network namespace has IPv6. */
export function hasIpv6(): boolean {
  try {
    return readFileSync('/proc/net/if_inet6', 'latin1') !== ''
  } catch {
    return false
  }
}

function sendLoopbackDatagram(version: IpVersion): Promise<void> {
  const socket = createSocket(version === 4 ? 'udp4' : 'udp6')
  return new Promise((resolve) => {
    const done = () => socket.close(() => resolve())
    // An IP version without a loopback address gives an error. Then there is nothing to track either.
    socket.on('error', done)
    socket.send(Uint8Array.of(0), DISCARD_PORT, version === 4 ? '127.0.0.1' : '::1', done)
  })
}
