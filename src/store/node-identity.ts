/** Which node of a fleet this is. */
import { createHash } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

/**
 * Returns 12 hexadecimal digits that no other node has: of this boot of this machine, the network namespace and the run
 * directory. A `serve` that is started again gets the same ones. Machines that were copied differ, because each has
 * booted by itself; containers differ by their network.
 */
export function nodeId(runDir: string): string {
  const parts = [readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'), readlinkSync('/proc/self/ns/net'), runDir]
  return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 12)
}

/** Returns a name for people: the given one, or that of this machine, without what a record cannot have. */
export function nodeName(given: string | undefined): string {
  const name = (given ?? hostname()).replace(/[^\p{L}\p{N}._:-]/gu, '').slice(0, 64)
  return name === '' ? 'unnamed' : name
}
