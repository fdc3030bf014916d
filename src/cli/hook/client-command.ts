/** The commands behind the hooks of the clients other than certbot. */
import type { Call } from '../../client/call.js'
import { isWell } from '../../client/disarm.js'
import { toFailure } from '../../failure.js'
import { armChallenges, disarmChallenges, type Challenges } from './challenges.js'
import { CLIENT_HOOKS, type ClientName } from '../client-hooks.js'
import { readInput } from './hook-input.js'
import { orUndone } from './interruption.js'
import { readOptions, splitHookWords, type Options } from '../options.js'
import { warn } from '../report.js'
import { runOther } from './then.js'

/**
 * Does what a client wants of its hook, and sets the exit status. `argv` is what follows the hook's name: options of
 * ours, then the words of the client.
 *
 * The hook of --then gets the same words. When challenges are armed it comes after ours has succeeded, and when it
 * fails, they are disarmed again. When challenges are disarmed it comes after ours, whatever became of that. What is
 * not ours is its alone.
 * @throws Failure
 */
export async function clientCommand(name: ClientName, argv: readonly string[]): Promise<void> {
  const { readCall, linger, notTheirs, isUpsetByDisarm } = CLIENT_HOOKS[name]
  const split = splitHookWords(argv)
  const options = readOptions(split.options, process.env, { linger })
  let input: string | undefined
  const call = readCall({
    words: split.words,
    environment: process.env,
    types: options.challenge,
    input: () => (input ??= readInput()),
  })
  const then = async () => (options.then === undefined ? 0 : runOther(options.then, split.words, input))
  if (call.op === 'other') {
    if (options.then !== undefined) process.exitCode = await then()
    else if (typeof call.alone === 'number') process.exitCode = call.alone
    else throw call.alone
  } else if (call.op === 'arm') {
    await armChallenges(call.challenges, options)
    const undo = () => takeBack(call.challenges, options)
    const status = await orUndone(then, undo).catch(async (thrown: unknown) => {
      await undo()
      throw thrown
    })
    if (status === 0 || status === notTheirs) return
    await undo()
    process.exitCode = status
  } else {
    const failure = await disarmAndTell(call, options).then(() => undefined, toFailure)
    const status = await then()
    if (failure && !isUpsetByDisarm) throw failure
    if (failure) warn(failure)
    process.exitCode = status === notTheirs ? 0 : status
  }
}

/** Disarms challenges, and prints the diagnosis of each that went wrong. @throws Failure */
async function disarmAndTell(
  { challenges, wereArmed }: Extract<Call, { op: 'disarm' }>,
  options: Options,
): Promise<void> {
  const outcomes = await disarmChallenges(challenges, options)
  const situations = outcomes.map(({ disarmed, loss }, place) => ({
    disarmed,
    loss,
    isLost: wereArmed && !loss && (disarmed === 'absent' || disarmed === 'unarmed'),
    isVerbose: options.verbose,
    identifier: challenges[place]?.identifier ?? '',
  }))
  const worthSaying = situations.filter(
    ({ disarmed, loss, isLost, isVerbose }) => !isWell(disarmed) || loss || isLost || isVerbose,
  )
  if (worthSaying.length === 0) return
  const { sayDiagnoses } = await import('./cleanup-diagnosis.js')
  await sayDiagnoses(worthSaying)
}

/** Disarms what the client will not ask for, because its hook fails. */
async function takeBack(challenges: Challenges, options: Options): Promise<void> {
  await disarmChallenges(challenges, options).catch((thrown: unknown) => warn(toFailure(thrown)))
}
