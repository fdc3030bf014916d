/** A visit in words. Pure. */
import type { Visit } from '../../control/challenge-status.js'

/** Returns text such as `2030-01-02T03:04:07.000Z 192.0.2.2:36994 answered with 200 and 87 bytes, acknowledged`. */
export function describeVisit({ at, client, state, answer }: Visit): string {
  if (!answer && (state === 'takenOver' || state === 'abandoned')) return `${at} ${client} ${unanswered[state]}`
  const what = answer ? `answered with ${answer.status} and ${answer.bytes} bytes` : 'answered'
  return `${at} ${client} ${what}, ${ends[state]}`
}

const unanswered = {
  takenOver: 'not answered yet: its request is not whole',
  abandoned: 'not answered: it never finished its request',
} as const

const ends = {
  takenOver: 'under way',
  answered: 'not acknowledged yet',
  acknowledged: 'acknowledged',
  abandoned: 'never acknowledged',
} as const satisfies Record<Visit['state'], string>
