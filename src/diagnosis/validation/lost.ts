/** The diagnosis of a challenge that was not armed any more when its cleanup hook came. Pure. */
import type { ChallengeStatus } from '../../control/challenge-status.js'
import { describeAsked } from './asked.js'
import type { Diagnosis } from './diagnosis.js'

/** What is known of how it was lost. */
export interface LostChallenge {
  readonly identifier: string
  /** `expired`: its time to live was over. `out of memory`: the kernel has killed the responder for it. */
  readonly kind: 'expired' | 'killed' | 'hung' | 'failed' | 'gone' | 'out of memory' | 'unknown'
  /** The process id of the responder; 0 if it is not known. */
  readonly pid: number
  /** How the responder ended, as `by SIGKILL` or `with status 1`. */
  readonly detail: string
}

/** Returns the diagnosis of one whose responder still runs. `expiresIn` is 0. */
export function diagnoseExpired(challenge: ChallengeStatus): Diagnosis {
  const { code, cause } = diagnoseLost({ identifier: challenge.identifier, kind: 'expired', pid: 0, detail: '' })
  const before = challenge.visits.length === 0 ? 'nobody had asked by then' : `by then: ${describeAsked(challenge)}`
  return { code, cause: `${cause}; ${before}` }
}

/** Returns the diagnosis. */
export function diagnoseLost({ identifier, kind, pid, detail }: LostChallenge): Diagnosis {
  const responder = `the responder that had its challenge${pid > 0 ? ` (process ${pid})` : ''}`
  const of = (code: Diagnosis['code'], cause: string): Diagnosis => ({ code, cause: `${identifier}: ${cause}` })
  switch (kind) {
    case 'expired':
      return of('expired', 'the time to live of its challenge was over before the cleanup hook came')
    case 'out of memory':
      return of('out-of-memory', `the kernel killed ${responder} for want of memory`)
    case 'killed':
      return of('responder-killed', `${responder} was ended ${detail} before the cleanup hook came`)
    case 'gone':
      return of('responder-killed', `${responder} was killed, and its keeper too, before the cleanup hook came`)
    case 'hung':
      return of('responder-failed', `${responder} hung, and its keeper has ended it`)
    case 'failed':
      return of('responder-failed', `${responder} failed: it ended ${detail} before the cleanup hook came`)
    case 'unknown':
      return of(
        'not-armed',
        'no challenge is armed for it here: the responder was stopped, or the auth hook has another --run-dir, or it is not certbot-nfq’s',
      )
  }
}
