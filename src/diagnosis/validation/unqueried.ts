/** The diagnosis of a challenge of dns-01 that nobody asked for. Pure. */
import type { ChallengeStatus } from '../../control/challenge-status.js'
import { count, type Diagnosis } from './diagnosis.js'

/** Returns the diagnosis. Where the DNS leads a CA, the auth hook has looked up before. */
export function diagnoseUnqueried({ identifier, port, strays }: ChallengeStatus): Diagnosis {
  const others = strays
    ? `, but ${count(strays.count, 'query', 'queries')} came for other names, last from ${strays.client} for ${strays.token}`
    : ''
  return {
    code: 'not-queried',
    cause: `no request for ${identifier} reached port ${port} of this machine: nobody asked it for _acme-challenge.${identifier}${others}`,
  }
}
