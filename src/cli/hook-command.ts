/** `auth` and `cleanup`, the commands behind certbot's hooks. */
import type { SelfCheckOrder } from '../control/self-check-order.js'
import { ask } from '../client/ask.js'
import { authOutcomeIn, isAuthCalledLast, isCertbots, unarmedLine } from '../client/certbot/auth-outcome.js'
import { challengeIn, identifierIn, tokenIn } from '../client/certbot/environment.js'
import { forgetLoss, takeLoss } from '../responder/losses.js'
import { checkRunDirectory, runDirectory, type RunDirectory } from '../responder/run-directory.js'
import { arm } from '../client/arm.js'
import { disarm, isWell } from '../client/disarm.js'
import { Failure } from '../failure.js'
import type { Options } from './options.js'
import { ERRORS_PAGE, warn } from './report.js'

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
  try {
    await armAndCheck(challenge, options)
  } catch (thrown) {
    if (isCertbots(process.env)) process.stdout.write(unarmedLine(challenge.token))
    throw thrown
  }
}

async function armAndCheck(challenge: ReturnType<typeof challengeIn>, options: Options): Promise<void> {
  const directory = runDirectory(options.runDir)
  checkRunDirectory(directory)
  const order = await arm(
    challenge,
    {
      ...options,
      socket: directory.socket,
      selfCheck: !options.noSelfCheck,
      ask: (_path, message) => ask(directory, message, warn),
    },
    async () => {
      const { launchInBackground } = await import('./launch.js')
      await launchInBackground(options)
    },
  )
  // Of an earlier try with the same token.
  forgetLoss(directory, challenge.token)
  if (order) await check(order, directory)
}

/** Makes the self-check and warns when it finds something. Whatever happens, the challenge is armed. */
async function check(order: SelfCheckOrder, directory: RunDirectory): Promise<void> {
  try {
    const { selfCheck } = await import('../diagnosis/self-check/self-check.js')
    const warning = await selfCheck(order, async () => {
      const response = await ask(directory, { op: 'disarm', token: order.token }, warn)
      return typeof response === 'object' ? response.seen : undefined
    })
    if (warning === undefined) return
    const { describeWarning } = await import('../diagnosis/self-check/warning.js')
    process.stderr.write(`${describeWarning(warning, ERRORS_PAGE)}\n`)
  } catch {
    // The responder forgets the token with the challenge.
  }
}

/**
 * Disarms the challenge in certbot's environment, and prints the diagnosis if something went wrong.
 * @throws Failure
 */
export async function cleanupCommand(options: Options): Promise<void> {
  const directory = runDirectory(options.runDir)
  checkRunDirectory(directory)
  const token = tokenIn(process.env)
  const warnings: Failure[] = []
  const clear = async () => {
    const { clearUp } = await import('../client/hung-responder.js')
    await clearUp(directory)
  }
  const disarmed = await disarm({ token }, directory.socket, clear, (_path, message) =>
    ask(directory, message, (warning) => {
      warnings.push(warning)
      warn(warning)
    }),
  )
  const loss = typeof disarmed === 'string' ? takeLoss(directory, token) : undefined
  // A responder that hung is all that there is to say.
  if (warnings.length > 0) return
  const isUnarmed = !loss && (disarmed === 'absent' || disarmed === 'unarmed')
  const outcome = isUnarmed ? authOutcomeIn(process.env, token) : 'unknown'
  if (outcome === 'failed') return
  const isLost = isUnarmed && isCertbots(process.env)
  if (isLost) process.stdout.write(unarmedLine(token, outcome === 'uncalled'))
  if (outcome === 'uncalled') throw exchanged(identifierIn(process.env))
  if (isWell(disarmed) && !loss && !isLost && !options.verbose) return
  const { sayDiagnosis } = await import('./cleanup-diagnosis.js')
  await sayDiagnosis(disarmed, { loss, isLost, isVerbose: options.verbose, identifier: identifierIn(process.env) })
}

function exchanged(identifier: string): Failure {
  return new Failure(
    'hooks-exchanged',
    `certbot calls the cleanup hook as its auth hook: nothing is armed for ${identifier}, and its validation will fail`,
  )
}
