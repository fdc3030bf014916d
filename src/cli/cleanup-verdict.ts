/** The word of a cleanup hook on how its challenge went. Loaded only where there is something to say. */
import type { ChallengeStatus } from '../control/challenge-status.js'
import type { Farewell } from '../client/disarm.js'
import { addressesOfMachine } from '../network/addresses.js'
import { lookUp } from '../network/names.js'
import { describeVerdict, type Verdict } from '../diagnosis/validation/advice.js'
import { describeAsked, judgeAsked } from '../diagnosis/validation/asked.js'
import { judgeUnasked } from '../diagnosis/validation/unasked.js'
import { printable } from '../wire/printable.js'

/** Milliseconds for all of a name's addresses: certbot waits meanwhile. */
const LOOK_UP_TIME = 3_000

/**
 * Says on standard error what went wrong, if anything did; with `isVerbose` also that all went well. The exit status
 * stays: the cleanup worked.
 */
export async function sayVerdict(farewell: Farewell, isVerbose: boolean): Promise<void> {
  const text = await verdictText(farewell, isVerbose)
  if (text !== undefined) process.stderr.write(`${text}\n`)
}

async function verdictText(farewell: Farewell, isVerbose: boolean): Promise<string | undefined> {
  if (typeof farewell === 'string') return isVerbose ? `certbot-nfq: ${unknowing[farewell]}` : undefined
  try {
    const verdict = await judge(farewell)
    if (verdict) return describeVerdict(verdict)
    return isVerbose ? `certbot-nfq: ${describeAsked(farewell)}` : undefined
  } catch (thrown) {
    // The cleanup is done: what fails here must not make it look as if it were not.
    return isVerbose
      ? `certbot-nfq: no verdict on ${farewell.identifier}: ${printable((thrown as Error).message)}`
      : undefined
  }
}

const unknowing = {
  absent: 'no responder runs, so nothing is known of who asked for this challenge',
  unknown:
    'the responder tells nothing of this challenge: it is not armed any more, or the responder is of an older version',
} as const satisfies Record<Exclude<Farewell, ChallengeStatus>, string>

async function judge(challenge: ChallengeStatus): Promise<Verdict | undefined> {
  if (challenge.visits.length > 0) return judgeAsked(challenge)
  // For an IP address nobody is asked.
  return judgeUnasked(challenge, await lookUp(challenge.identifier, { timeLimit: LOOK_UP_TIME }), addressesOfMachine())
}
