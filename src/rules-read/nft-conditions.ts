/** Conditions of nft rules, in the words of libnftables-json(5). Pure. */
import { any, destinationWithin, deviceIs, not, portWithin, type Match, type Packet } from './packet.js'

/** Returns whether `{ op, left, right }` holds for the packet; `maybe` when that is not known. */
export function judgeCondition({ op, left, right }: Json, packet: Packet): Match {
  const match = judgeLeft(objectOf(left), right, packet)
  if (op === '!=') return not(match)
  return op === '==' || op === 'in' ? match : match === 'no' ? 'no' : 'maybe'
}

function judgeLeft(left: Json, right: unknown, packet: Packet): Match {
  const payload = objectOf(left['payload'])
  const meta = objectOf(left['meta'])['key']
  if ('payload' in left) return judgeHeader(payload['protocol'], payload['field'], right, packet)
  if (meta === 'l4proto') return anyOf(right, (value) => yesIf(value === 'tcp' || value === 6))
  if (meta === 'nfproto') return anyOf(right, (value) => yesIf(value === `ipv${packet.version}`))
  if (meta === 'protocol') return anyOf(right, (value) => yesIf(value === (packet.version === 6 ? 'ip6' : 'ip')))
  if (meta === 'iif' || meta === 'iifname')
    return anyOf(right, (value) => (typeof value === 'string' ? deviceIs(packet, value, '*') : 'maybe'))
  if (objectOf(left['ct'])['key'] === 'state') return anyOf(right, (value) => yesIf(value === 'new'))
  return 'maybe'
}

/** A match on a header also requires that the packet has that header. */
function judgeHeader(protocol: unknown, field: unknown, right: unknown, packet: Packet): Match {
  const isOfFamily = protocol === 'tcp' || protocol === 'th' || protocol === (packet.version === 6 ? 'ip6' : 'ip')
  if (!isOfFamily) return typeof protocol === 'string' ? 'no' : 'maybe'
  if (field === 'dport') return anyOf(right, (value) => portIs(value, packet))
  if (field === 'daddr') return anyOf(right, (value) => addressIs(value, packet))
  if (field === 'protocol' || field === 'nexthdr') return anyOf(right, (value) => yesIf(value === 'tcp' || value === 6))
  return 'maybe'
}

function portIs(value: unknown, packet: Packet): Match {
  const [from, to] = listOf(objectOf(value)['range'])
  if (typeof value === 'number') return portWithin(packet, value)
  return typeof from === 'number' && typeof to === 'number' ? portWithin(packet, from, to) : 'maybe'
}

function addressIs(value: unknown, packet: Packet): Match {
  const { addr, len } = objectOf(objectOf(value)['prefix'])
  if (typeof value === 'string') return destinationWithin(packet, value)
  return typeof addr === 'string' && typeof len === 'number' ? destinationWithin(packet, `${addr}/${len}`) : 'maybe'
}

/** Judges one value, `{ set: […] }`, or a list of flags. A named set (`@name`) is not looked into. */
function anyOf(right: unknown, judge: (value: unknown) => Match): Match {
  const { set } = objectOf(right)
  const values = Array.isArray(right) ? right : Array.isArray(set) ? set : [right]
  return any(
    values.map((value: unknown) => (typeof value === 'string' && value.startsWith('@') ? 'maybe' : judge(value))),
  )
}

function yesIf(condition: boolean): Match {
  return condition ? 'yes' : 'no'
}

/** A JSON object as nft prints it. Its fields may hold anything. */
export type Json = Readonly<Record<string, unknown>>

/** Returns the value if it is an object, otherwise an empty one. */
export function objectOf(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {}
}

/** Returns the value if it is a list, otherwise an empty one. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** Returns the value if it is a string, otherwise an empty one. */
export function wordOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
