/** Visits by address: a CA asks from several places, and each may try more than once. Pure. */
import type { Visit } from '../../control/challenge-status.js'

/** How it went with an address in the end: its newest request counts. */
export type VisitorState = 'acknowledged' | 'not acknowledged' | 'not finished'

export interface Visitor {
  /** Without port or brackets. */
  readonly address: string
  readonly state: VisitorState
}

/** Everybody who asked, in the order in which they first did. */
export function visitorsOf(visits: readonly Visit[]): Visitor[] {
  const states = new Map<string, VisitorState>()
  for (const visit of visits) states.set(addressOf(visit.client), stateOf(visit))
  return [...states].map(([address, state]) => ({ address, state }))
}

/** Of an endpoint, `192.0.2.1:80` or `[2001:db8::1]:80`. */
function addressOf(client: string): string {
  return client.slice(0, client.lastIndexOf(':')).replace(/^\[|\]$/g, '')
}

function stateOf({ state, answer }: Visit): VisitorState {
  if (state === 'acknowledged') return state
  return state === 'answered' || answer ? 'not acknowledged' : 'not finished'
}
