/** What the hooks of every client do with challenges. */
import { isOfType, typeOf, type Known } from '../../challenge/challenge.js'
import { ask } from '../../client/ask.js'
import { arm } from '../../client/arm.js'
import { armAll, disarmAll } from '../../client/all.js'
import type { Call } from '../../client/call.js'
import { disarm, type Disarmed } from '../../client/disarm.js'
import type { Failure } from '../../failure.js'
import type { SelfCheckOrder } from '../../control/self-check-order.js'
import { forgetLoss, takeLoss, type Loss } from '../../responder/losses.js'
import { checkRunDirectory, runDirectory, type RunDirectory } from '../../responder/run-directory.js'
import { portFor, type Options } from '../options.js'
import { orUndone } from './interruption.js'
import { withOwnCommand } from '../own-command.js'
import { ERRORS_PAGE, warn } from '../report.js'

/** Challenges that are armed together. */
export type Challenges = Extract<Call, { op: 'arm' }>['challenges']

/**
 * Arms challenges, all or none, and makes a self-check when the responder orders one. Starts a responder if there is
 * none. If a signal ends the hook meanwhile, none stays armed.
 * @throws Failure
 */
export async function armChallenges(named: Challenges, options: Options): Promise<void> {
  const challenges = named.map((challenge) => answeredAs(challenge, options))
  const names = named.filter((challenge) => isOfType(challenge, 'dns-01')).map(({ identifier }) => identifier)
  await orUndone(
    async () => {
      await armAndCheck(challenges, options)
      if (names.length === 0 || options.noSelfCheck) return
      const { warnOfDns } = await import('./dns-warning.js')
      await warnOfDns(names, options)
    },
    () => disarmChallenges(challenges, options),
  )
}

async function armAndCheck(challenges: Challenges, options: Options): Promise<void> {
  const directory = runDirectory(options.runDir)
  checkRunDirectory(directory)
  const launch = async () => {
    const { launchInBackground } = await import('../launch.js')
    // A new responder orders a self-check. It is loaded while that starts, which takes longer.
    if (!options.noSelfCheck) void import('../../diagnosis/self-check/self-check.js').catch(() => undefined)
    await launchInBackground(options)
  }
  const armOne = (challenge: Challenges[number]) =>
    arm(
      challenge,
      {
        ...options,
        port: portFor(typeOf(challenge), options),
        socket: directory.socket,
        selfCheck: !options.noSelfCheck,
        ask: (_path, message) => ask(directory, message, warn),
      },
      launch,
    )
  const order = await armAll(challenges, armOne, (token) => disarmIn(directory, token))
  // Of an earlier try with the same token.
  for (const { token } of challenges) forgetLoss(directory, token)
  if (order) await check(order, directory)
  if (options.store !== undefined) {
    const { publishChallenges } = await import('./hook-store.js')
    await publishChallenges(challenges, options)
  }
}

/** Returns the challenge under the name that a validator asks for in the end, where that is an alias. */
function answeredAs(challenge: Challenges[number], { dnsAlias }: Options): Challenges[number] {
  if (dnsAlias === undefined || !isOfType(challenge, 'dns-01')) return challenge
  return { ...challenge, identifier: `${challenge.identifier}.${dnsAlias}` }
}

/** Returns whether the token is known to be armed. No responder is started for that. A question that fails is a no. */
export async function isArmed(token: string, { runDir }: Pick<Options, 'runDir'>): Promise<boolean> {
  const directory = runDirectory(runDir)
  checkRunDirectory(directory)
  // A responder that ends at this moment, or is of another version, is what arming deals with.
  const response = await ask(directory, { op: 'status' }, warn).catch(() => undefined)
  return typeof response === 'object' && !!response.status?.challenges.some((challenge) => challenge.token === token)
}

/** Makes the self-check and warns when it finds something. Whatever happens, the challenge is armed. */
async function check(order: SelfCheckOrder, directory: RunDirectory): Promise<void> {
  try {
    const { selfCheck } = await import('../../diagnosis/self-check/self-check.js')
    const warning = await selfCheck(order, async () => {
      const response = await ask(directory, { op: 'disarm', token: order.token }, warn)
      return typeof response === 'object' ? response.seen : undefined
    })
    if (warning === undefined) return
    const { describeWarning } = await import('../../diagnosis/self-check/warning.js')
    process.stderr.write(`${withOwnCommand(describeWarning(warning, ERRORS_PAGE))}\n`)
  } catch {
    // The responder forgets the token with the challenge.
  }
}

/** What became of a challenge in the end. */
export interface Outcome {
  readonly disarmed: Disarmed
  /** How it was lost, if that was noted. */
  readonly loss: Loss | undefined
}

/**
 * Disarms challenges. Returns the outcome of each, or nothing when the responder hung and was ended: then all that
 * there is to say was said.
 * @throws Failure when one of them cannot be disarmed; the others are
 */
export async function disarmChallenges(challenges: readonly Known[], options: Options): Promise<Outcome[]> {
  const tokens = challenges.map(({ token }) => token)
  if (options.store === undefined) return disarmHere(tokens, options)
  const { withdrawChallenges } = await import('./hook-store.js')
  // The others disarm whatever happens here. This machine is first, so that it alone tells who has asked it.
  const here = await Promise.allSettled([disarmHere(tokens, options)])
  const add = await withdrawChallenges(challenges, options)
  const [result] = here
  if (result.status === 'rejected') throw result.reason
  return result.value.map((outcome) => ({ ...outcome, disarmed: add(outcome.disarmed) }))
}

async function disarmHere(tokens: readonly string[], { runDir }: Options): Promise<Outcome[]> {
  const directory = runDirectory(runDir)
  checkRunDirectory(directory)
  const warnings: Failure[] = []
  const all = await disarmAll(tokens, (token) =>
    disarmIn(directory, token, (warning) => {
      warnings.push(warning)
      warn(warning)
    }),
  )
  const outcomes = tokens.map((token, place): Outcome => {
    const disarmed = all[place] ?? 'unknown'
    return { disarmed, loss: typeof disarmed === 'string' ? takeLoss(directory, token) : undefined }
  })
  return warnings.length > 0 ? [] : outcomes
}

function disarmIn(directory: RunDirectory, token: string, onEnded = warn): Promise<Disarmed> {
  const clear = async () => {
    const { clearUp } = await import('../../client/hung-responder.js')
    await clearUp(directory)
  }
  return disarm({ token }, directory.socket, clear, (_path, message) => ask(directory, message, onEnded))
}
