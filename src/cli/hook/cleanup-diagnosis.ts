/** What a cleanup hook says about its challenge. Loaded only when there is something to say. */
import { constants } from 'node:os'
import type { ChallengeStatus } from '../../control/challenge-status.js'
import { isWell, type Disarmed } from '../../client/disarm.js'
import { wasKilledForMemory } from '../../kernel/kernel-log.js'
import type { Loss } from '../../responder/losses.js'
import { addressesOfMachine } from '../../network/addresses.js'
import { lookUp } from '../../network/names.js'
import { describeDiagnosis, type Diagnosis } from '../../diagnosis/validation/diagnosis.js'
import { describeAsked, diagnoseAsked } from '../../diagnosis/validation/asked.js'
import { diagnoseExpired, diagnoseLost, type LostChallenge } from '../../diagnosis/validation/lost.js'
import { diagnoseUnqueried } from '../../diagnosis/validation/unqueried.js'
import { diagnoseUnasked } from '../../diagnosis/validation/unasked.js'
import { ERRORS_PAGE } from '../report.js'
import { printable } from '../../wire/printable.js'
import { withOwnCommand } from '../own-command.js'

/** Milliseconds for looking up a name's addresses, while certbot waits. */
const LOOK_UP_TIME = 3_000

/**
 * Writes to standard error what went wrong with each challenge, if anything did. With `isVerbose` it also says when all
 * went well. The exit status does not change: the cleanup worked.
 */
export async function sayDiagnoses(situations: readonly Situation[]): Promise<void> {
  const texts = await Promise.all(situations.map(diagnosisText))
  for (const text of new Set(texts)) if (text !== undefined) process.stderr.write(`${withOwnCommand(text)}\n`)
}

/** What the hook knows of a challenge. */
export interface Situation {
  /** What the responder has told. */
  readonly disarmed: Disarmed
  /** How the challenge was lost, if that was noted. */
  readonly loss: Loss | undefined
  /** Whether nothing is armed and nobody knows why. */
  readonly isLost: boolean
  readonly isVerbose: boolean
  readonly identifier: string
}

async function diagnosisText({
  disarmed,
  loss,
  isLost,
  isVerbose,
  identifier,
}: Situation): Promise<string | undefined> {
  if (loss)
    return describeDiagnosis(diagnoseLost({ identifier: printable(identifier), ...described(loss) }), ERRORS_PAGE)
  if (isLost)
    return describeDiagnosis(
      diagnoseLost({ identifier: printable(identifier), kind: 'unknown', pid: 0, detail: '' }),
      ERRORS_PAGE,
    )
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

/** Returns how a responder ended, in words, and whether the kernel has killed it for want of memory. */
function described({ kind, pid, number }: Loss): Omit<LostChallenge, 'identifier'> {
  const [signal] =
    Object.entries(constants.signals).find(([, value]) => value === number - (number > 128 ? 128 : 0)) ?? []
  const isSignal = kind === 'killed' || number > 128
  const detail = isSignal && signal !== undefined ? `by ${signal}` : `with status ${number}`
  const isForMemory = kind === 'killed' && signal === 'SIGKILL' && wasKilledForMemory(pid)
  return { kind: isForMemory ? 'out of memory' : kind, pid, detail }
}

const unknowing = {
  unarmed: 'the responder does not have this challenge, so nothing is known of who asked for it',
  absent: 'no responder runs, so nothing is known of who asked for this challenge',
  unknown:
    'the responder tells nothing of this challenge: it was disarmed before, or the responder is of an older version',
} as const satisfies Record<Exclude<Disarmed, ChallengeStatus>, string>

async function judge(challenge: ChallengeStatus): Promise<Diagnosis | undefined> {
  if (challenge.expiresIn === 0 && !isWell(challenge)) return diagnoseExpired(challenge)
  if (challenge.visits.length > 0) return diagnoseAsked(challenge)
  if (challenge.type === 'dns-01') return diagnoseUnqueried(challenge)
  // For an IP address nothing is looked up.
  const names = await lookUp(challenge.identifier, { timeLimit: LOOK_UP_TIME })
  return diagnoseUnasked(challenge, names, addressesOfMachine(), await hasNobody(challenge))
}

/** Returns whether nobody could accept a connection to the port: nobody listens there, and we do not either. */
async function hasNobody({ noStandalone, port }: ChallengeStatus): Promise<boolean> {
  if (!noStandalone) return false
  const { isDeserted } = await import('../../diagnosis/doctor/deserted.js')
  return isDeserted(port)
}
