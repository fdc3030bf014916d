/** `auth` and `cleanup`, the commands behind certbot's hooks. */
import type { SelfCheckOrder } from '../control/self-check-order.js'
import { ask } from '../client/ask.js'
import { challengeIn, tokenIn } from '../client/certbot/environment.js'
import { checkRunDirectory, runDirectory, type RunDirectory } from '../responder/run-directory.js'
import { arm } from '../client/arm.js'
import { disarm, isWell } from '../client/disarm.js'
import type { Options } from './options.js'
import { ERRORS_PAGE, warn } from './report.js'

/**
 * Arms the challenge in certbot's environment, and makes a self-check when the responder orders one.
 * @throws Failure
 */
export async function authCommand(options: Options): Promise<void> {
  const directory = runDirectory(options.runDir)
  checkRunDirectory(directory)
  const order = await arm(
    challengeIn(process.env),
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
  const clear = async () => {
    const { clearUp } = await import('../client/hung-responder.js')
    await clearUp(directory)
  }
  const disarmed = await disarm({ token: tokenIn(process.env) }, directory.socket, clear, (_path, message) =>
    ask(directory, message, warn),
  )
  if (isWell(disarmed) && !options.verbose) return
  const { sayDiagnosis } = await import('./cleanup-diagnosis.js')
  await sayDiagnosis(disarmed, options.verbose)
}
