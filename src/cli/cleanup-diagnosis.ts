/** The word of a cleanup hook on how its challenge went. Loaded only where there is something to say. */
import type { ChallengeStatus } from '../control/challenge-status.js'
import type { Farewell } from '../client/disarm.js'
import { addressesOfMachine } from '../network/addresses.js'
import { lookUp } from '../network/names.js'
import { describeDiagnosis, type Diagnosis } from '../diagnosis/validation/diagnosis.js'
import { describeAsked, diagnoseAsked } from '../diagnosis/validation/asked.js'
import { diagnoseUnasked } from '../diagnosis/validation/unasked.js'
import { printable } from '../wire/printable.js'

/** Milliseconds for all of a name's addresses: certbot waits meanwhile. */
const LOOK_UP_TIME = 3_000

/**
 * Says on standard error what went wrong, if anything did; with `isVerbose` also that all went well. The exit status
 * stays: the cleanup worked.
 */
export async function sayDiagnosis(farewell: Farewell, isVerbose: boolean): Promise<void> {
  const text = await diagnosisText(farewell, isVerbose)
  if (text !== undefined) process.stderr.write(`${text}\n`)
}

async function diagnosisText(farewell: Farewell, isVerbose: boolean): Promise<string | undefined> {
  if (typeof farewell === 'string') return isVerbose ? `certbot-nfq: ${unknowing[farewell]}` : undefined
  try {
    const diagnosis = await judge(farewell)
    if (diagnosis) return describeDiagnosis(diagnosis)
    return isVerbose ? `certbot-nfq: ${describeAsked(farewell)}` : undefined
  } catch (thrown) {
    // The cleanup is done: what fails here must not make it look as if it were not.
    return isVerbose
      ? `certbot-nfq: no diagnosis of ${farewell.identifier}: ${printable((thrown as Error).message)}`
      : undefined
  }
}

const unknowing = {
  absent: 'no responder runs, so nothing is known of who asked for this challenge',
  unknown:
    'the responder tells nothing of this challenge: it is not armed any more, or the responder is of an older version',
} as const satisfies Record<Exclude<Farewell, ChallengeStatus>, string>

async function judge(challenge: ChallengeStatus): Promise<Diagnosis | undefined> {
  if (challenge.visits.length > 0) return diagnoseAsked(challenge)
  // For an IP address nobody is asked.
  return diagnoseUnasked(
    challenge,
    await lookUp(challenge.identifier, { timeLimit: LOOK_UP_TIME }),
    addressesOfMachine(),
  )
}
