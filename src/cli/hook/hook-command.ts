/** `auth` and `cleanup`, the commands behind certbot's hooks. */
import {
  authOutcomeIn,
  isAuthCalledLast,
  isCertbots,
  mayBeCalledLast,
  unarmedLine,
} from '../../client/certbot/auth-outcome.js'
import { challengeIn, identifierIn, knownIn } from '../../client/certbot/environment.js'
import { isWell } from '../../client/disarm.js'
import { Failure } from '../../failure.js'
import { armChallenges, disarmChallenges, isArmed } from './challenges.js'
import type { Options } from '../options.js'

/**
 * Arms the challenge in certbot's environment, and makes a self-check when the responder orders one. When it fails, the
 * cleanup hook is told that the user knows.
 * @throws Failure
 */
export async function authCommand(options: Options): Promise<void> {
  const challenge = challengeIn(process.env)
  const calledLast = isAuthCalledLast(process.env, challenge.token)
  if (calledLast === 'told') return
  if (calledLast) throw exchanged(challenge.identifier)
  const wasArmed = mayBeCalledLast(process.env) && (await isArmed(challenge.token, options))
  try {
    await armChallenges([challenge], options)
  } catch (thrown) {
    if (isCertbots(process.env)) process.stdout.write(unarmedLine(challenge.token))
    throw thrown
  }
  if (wasArmed)
    throw new Failure(
      'armed-already',
      `${challenge.identifier} was armed already: an earlier certbot was interrupted, or this one calls the auth hook as its cleanup hook too`,
    )
}

/**
 * Disarms the challenge in certbot's environment, and prints the diagnosis if something went wrong.
 * @throws Failure
 */
export async function cleanupCommand(options: Options): Promise<void> {
  const known = knownIn(process.env)
  const { token } = known
  const [told] = await disarmChallenges([known], options)
  // A responder that hung is all that there is to say.
  if (!told) return
  const { disarmed, loss } = told
  const isUnarmed = !loss && (disarmed === 'absent' || disarmed === 'unarmed')
  const outcome = isUnarmed ? authOutcomeIn(process.env, token) : 'unknown'
  if (outcome === 'failed') return
  const isLost = isUnarmed && isCertbots(process.env)
  if (isLost) process.stdout.write(unarmedLine(token, outcome === 'uncalled'))
  if (outcome === 'uncalled') throw exchanged(identifierIn(process.env))
  if (isWell(disarmed) && !loss && !isLost && !options.verbose) return
  const { sayDiagnoses } = await import('./cleanup-diagnosis.js')
  await sayDiagnoses([{ disarmed, loss, isLost, isVerbose: options.verbose, identifier: identifierIn(process.env) }])
}

function exchanged(identifier: string): Failure {
  return new Failure(
    'hooks-exchanged',
    `certbot calls the cleanup hook as its auth hook: nothing is armed for ${identifier}, and its validation will fail`,
  )
}
