/** The diagnosis of a challenge that somebody asked for. Pure. */
import type { ChallengeStatus, Visit } from '../../control/challenge-status.js'
import { count, list, type Diagnosis } from './diagnosis.js'

/** The state of an address: its newest request counts. */
type VisitorState = 'acknowledged' | 'sent' | 'not acknowledged' | 'not finished'

/** An address that asked. A CA asks from several, and each may try more than once. */
interface Visitor {
  /** Without port or brackets. */
  readonly address: string
  readonly state: VisitorState
  /** The node of a fleet that it has asked; absent without a fleet. */
  readonly node: string | undefined
}

/**
 * Returns what is wrong; `undefined` when every address that asked has acknowledged the answer, or was sent it by UDP.
 * The challenge must have visits.
 */
export function diagnoseAsked(challenge: ChallengeStatus): Diagnosis | undefined {
  const visitors = visitorsOf(challenge.visits)
  const has = (state: VisitorState) => visitors.some((visitor) => visitor.state === state)
  if (has('not acknowledged')) return { code: 'not-acknowledged', cause: describeAsked(challenge) }
  return has('not finished') ? { code: 'not-finished', cause: describeAsked(challenge) } : undefined
}

/**
 * Returns text such as `example.org: 5 requests from 3 addresses (2 IPv4, 1 IPv6); the answer was acknowledged by …;
 * the answer was not acknowledged by …`.
 */
export function describeAsked({ identifier, visits }: ChallengeStatus): string {
  const visitors = visitorsOf(visits)
  const addresses = [...new Set(visitors.map(({ address }) => address))]
  const who = `${count(visits.length, 'request')} from ${count(addresses.length, 'address', 'addresses')} (${versionsOf(addresses)})`
  return [`${identifier}: ${who}`, ...stateClauses(visitors)].join('; ')
}

function versionsOf(addresses: readonly string[]): string {
  const v6 = addresses.filter((address) => address.includes(':')).length
  const v4 = addresses.length - v6
  if (v4 === 0 || v6 === 0) return v6 > 0 ? 'IPv6' : 'IPv4'
  return `${v4} IPv4, ${v6} IPv6`
}

const phrases = {
  'acknowledged': 'the answer was acknowledged by',
  'sent': 'the answer was sent by UDP to',
  'not acknowledged': 'the answer was not acknowledged by',
  'not finished': 'the request was not finished by',
} as const satisfies Record<VisitorState, string>

function stateClauses(visitors: readonly Visitor[]): string[] {
  return (Object.keys(phrases) as VisitorState[]).flatMap((state) => {
    const those = visitors
      .filter((visitor) => visitor.state === state)
      .map(({ address, node }) => (node === undefined ? address : `${address} at ${node}`))
    return those.length > 0 ? [`${phrases[state]} ${list(those)}`] : []
  })
}

/** Returns everybody who asked, in the order in which they first did: once for each node that they have asked. */
function visitorsOf(visits: readonly Visit[]): Visitor[] {
  const visitors = new Map<string, Visitor>()
  for (const visit of visits) {
    const [address, { node }] = [addressOf(visit.client), visit]
    visitors.set(`${address} ${node ?? ''}`, { address, state: stateOf(visit), node })
  }
  return [...visitors.values()]
}

/** Returns the address of an endpoint, `192.0.2.1:80` or `[2001:db8::1]:80`. */
function addressOf(client: string): string {
  return client.slice(0, client.lastIndexOf(':')).replace(/^\[|\]$/g, '')
}

function stateOf({ state, answer, transport }: Visit): VisitorState {
  if (transport === 'udp') return 'sent'
  if (state === 'acknowledged') return state
  return state === 'answered' || answer ? 'not acknowledged' : 'not finished'
}
