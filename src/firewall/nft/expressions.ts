/** The expressions and statements that our chains are written in (nft(8)). */
import type { IpVersion } from '../../wire/ip.js'
import type { Selector } from '../../wire/selector.js'
import { LONGEST_QUEUED } from '../ruleset.js'

/** Declares a chain. */
export function chain(name: string, rules: readonly string[]): string {
  return `chain ${name} { ${rules.map((rule) => `${rule};`).join(' ')} }`
}

/** The most elements of a set that rules add to; then no more are added. */
const SET_SIZE = 65_535

/** Declares a set that rules add to. Its elements are forgotten after so many seconds, unless a rule says otherwise. */
export function dynamicSet(name: string, type: string, seconds: number): string {
  return `set ${name} { type ${type}; flags dynamic,timeout; timeout ${seconds}s; size ${SET_SIZE}; }`
}

/** Returns the type of an address. */
export function addressType(version: IpVersion): string {
  return version === 4 ? 'ipv4_addr' : 'ipv6_addr'
}

/** Returns the source address of a packet. */
export function sourceAddress(version: IpVersion): string {
  return `${version === 4 ? 'ip' : 'ip6'} saddr`
}

/** Returns an expression for bytes of the payload, after the TCP or UDP header (`@ih`, in bits; Linux 5.16). */
export function payload(at: number, length: number): string {
  return `@ih,${at * 8},${length * 8}`
}

/** Returns the matches for a selector's ports, tracked and untracked. */
export function destinations(
  { transport, ports }: Pick<Selector, 'transport' | 'ports'>,
  isTracked: boolean,
): string[] {
  return ports.flatMap((port) => [
    ...(isTracked ? [originalPort(transport, port)] : []),
    plainPort(transport, port, isTracked),
  ])
}

/** Returns a match of the port that the client connected to. At our hooks, `dport` is the port after any DNAT. */
export function originalPort(transport: Selector['transport'], port: number): string {
  return `meta l4proto ${transport} ct direction original ct original proto-dst ${port}`
}

/** Returns a match of the port of untracked packets. They have no original port, and no NAT. */
function plainPort(transport: Selector['transport'], port: number, isTracked: boolean): string {
  return `${transport} dport ${port}${isTracked ? ' ct state untracked' : ''}`
}

/** Returns a condition: this bit of the packet mark is set. */
export function isMarked(bit: number): string {
  return `meta mark and ${mask(bit)} != 0`
}

/** Returns a statement that clears this bit of the packet mark. */
export function withoutMark(bit: number): string {
  return `meta mark set meta mark and ${complement(bit)}`
}

/** Returns bits of a mark as a number. */
export function mask(bits: number): string {
  return `0x${bits.toString(16)}`
}

/** Returns a mask of all other bits. */
export function complement(bits: number): string {
  return mask(~bits >>> 0)
}

/** Returns a statement that queues packets of up to {@link LONGEST_QUEUED} bytes. */
export function queueStatement(queue: number): string {
  return `meta length <= ${LONGEST_QUEUED} queue flags bypass to ${queue}`
}

/** Returns the numbers from 0 on, so many of them. */
export function range(length: number): number[] {
  return [...Array(length).keys()]
}

/** Returns bytes as one big-endian number. */
export function hex(bytes: Iterable<number>): string {
  return `0x${[...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`
}
