/** A visit in words. Pure. */
import type { Visit } from '../../control/challenge-status.js'

/** Returns text such as `2030-01-02T03:04:07.000Z 192.0.2.2:36994 answered with 200 and 87 bytes, acknowledged`. */
export function describeVisit({ at, client, state, answer, transport }: Visit): string {
  if (transport === 'udp') return `${at} ${client} answered by UDP with ${answer?.bytes ?? 0} bytes`
  if (!answer && (state === 'takenOver' || state === 'abandoned')) return `${at} ${client} ${unanswered[state]}`
  // 0 is that of a DNS message without error, and says nothing more.
  const status = answer && answer.status !== 0 ? `${answer.status} and ` : ''
  const what = answer ? `answered with ${status}${answer.bytes} bytes` : 'answered'
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
