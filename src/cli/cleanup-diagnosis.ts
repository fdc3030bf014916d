/** What a cleanup hook says about its challenge. Loaded only when there is something to say. */
import type { ChallengeStatus } from '../control/challenge-status.js'
import type { Disarmed } from '../client/disarm.js'
import { addressesOfMachine } from '../network/addresses.js'
import { lookUp } from '../network/names.js'
import { describeDiagnosis, type Diagnosis } from '../diagnosis/validation/diagnosis.js'
import { describeAsked, diagnoseAsked } from '../diagnosis/validation/asked.js'
import { diagnoseUnasked } from '../diagnosis/validation/unasked.js'
import { ERRORS_PAGE } from './report.js'
import { printable } from '../wire/printable.js'

/** Milliseconds for looking up a name's addresses, while certbot waits. */
const LOOK_UP_TIME = 3_000

/**
 * Writes to standard error what went wrong, if anything did. With `isVerbose` it also says when all went well. The exit
 * status does not change: the cleanup worked.
 */
export async function sayDiagnosis(disarmed: Disarmed, isVerbose: boolean): Promise<void> {
  const text = await diagnosisText(disarmed, isVerbose)
  if (text !== undefined) process.stderr.write(`${text}\n`)
}

async function diagnosisText(disarmed: Disarmed, isVerbose: boolean): Promise<string | undefined> {
  if (typeof disarmed === 'string') return isVerbose ? `certbot-nfq: ${unknowing[disarmed]}` : undefined
  try {
    const diagnosis = await judge(disarmed)
    if (diagnosis) return describeDiagnosis(diagnosis, ERRORS_PAGE)
    return isVerbose ? `certbot-nfq: ${describeAsked(disarmed)}` : undefined
  } catch (thrown) {
    // The cleanup is done. A failure here must not look like a failed cleanup.
    return isVerbose
      ? `certbot-nfq: no diagnosis of ${disarmed.identifier}: ${printable((thrown as Error).message)}`
      : undefined
  }
}

const unknowing = {
  absent: 'no responder runs, so nothing is known of who asked for this challenge',
  unknown:
    'the responder tells nothing of this challenge: it is not armed any more, or the responder is of an older version',
} as const satisfies Record<Exclude<Disarmed, ChallengeStatus>, string>

async function judge(challenge: ChallengeStatus): Promise<Diagnosis | undefined> {
  if (challenge.visits.length > 0) return diagnoseAsked(challenge)
  // For an IP address nothing is looked up.
  return diagnoseUnasked(
    challenge,
    await lookUp(challenge.identifier, { timeLimit: LOOK_UP_TIME }),
    addressesOfMachine(),
  )
}
