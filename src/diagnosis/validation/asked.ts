/** The diagnosis of a challenge that somebody asked for. Pure. */
import type { ChallengeStatus } from '../../control/challenge-status.js'
import type { Diagnosis } from './advice.js'
import { visitorsOf, type VisitorState, type Visitor } from './visitors.js'
import { count, list } from './words.js'

/** What is wrong; `undefined` when every address that asked has acknowledged the answer. The challenge has visits. */
export function diagnoseAsked(challenge: ChallengeStatus): Diagnosis | undefined {
  const visitors = visitorsOf(challenge.visits)
  const has = (state: VisitorState) => visitors.some((visitor) => visitor.state === state)
  if (has('not acknowledged')) return { code: 'not-acknowledged', cause: describeAsked(challenge) }
  return has('not finished') ? { code: 'not-finished', cause: describeAsked(challenge) } : undefined
}

/**
 * `example.org: 5 requests from 3 addresses (2 IPv4, 1 IPv6); the answer was acknowledged by …; the answer was not
 * acknowledged by …`
 */
export function describeAsked({ identifier, visits }: ChallengeStatus): string {
  const visitors = visitorsOf(visits)
  const who = `${count(visits.length, 'request')} from ${count(visitors.length, 'address', 'addresses')} (${versionsOf(visitors)})`
  return [`${identifier}: ${who}`, ...stateClauses(visitors)].join('; ')
}

function versionsOf(visitors: readonly Visitor[]): string {
  const v6 = visitors.filter(({ address }) => address.includes(':')).length
  const v4 = visitors.length - v6
  if (v4 === 0 || v6 === 0) return v6 > 0 ? 'IPv6' : 'IPv4'
  return `${v4} IPv4, ${v6} IPv6`
}

const phrases = {
  'acknowledged': 'the answer was acknowledged by',
  'not acknowledged': 'the answer was not acknowledged by',
  'not finished': 'the request was not finished by',
} as const satisfies Record<VisitorState, string>

function stateClauses(visitors: readonly Visitor[]): string[] {
  return (Object.keys(phrases) as VisitorState[]).flatMap((state) => {
    const those = visitors.filter((visitor) => visitor.state === state).map(({ address }) => address)
    return those.length > 0 ? [`${phrases[state]} ${list(those)}`] : []
  })
}
