/** Asks the responder, for hooks and commands, and ends one that hangs. */
import { request } from '../control/client.js'
import type { ControlRequest } from '../control/message.js'
import { Failure } from '../failure.js'
import type { RunDirectory } from '../responder/run-directory.js'
import type { HungResponder } from './hung-responder.js'

/** Milliseconds without an answer after which the responder may hang. */
const SILENCE = 1_000

/**
 * Sends a request as `request` does. A responder that certainly hangs is ended, and what it left is removed. `onEnded`
 * gets the warning, and the result is `absent`. Without `onEnded` the responder is left alone, and that is a failure.
 * @throws Failure as `request`, `responder-hangs`
 */
export async function ask(
  directory: RunDirectory,
  message: ControlRequest,
  onEnded?: (warning: Failure) => void,
): ReturnType<typeof request> {
  const over = new AbortController()
  const answer = request(directory.socket, message, over.signal).finally(() => over.abort())
  // Whichever wins the race, a rejection of this one is handled.
  answer.catch(() => undefined)
  const silence = new Promise<'silent'>((resolve) => {
    const timer = setTimeout(() => resolve('silent'), SILENCE)
    over.signal.addEventListener('abort', () => clearTimeout(timer))
  })
  const first = await Promise.race([answer, silence])
  if (first !== 'silent') return first
  const hung = await Promise.race([answer.then(() => undefined), lookForHang(directory, over.signal)])
  if (!hung) return answer
  over.abort()
  const cause = `the responder (process ${hung.pid}) ${hung.hang}, and answers nothing`
  if (!onEnded) throw new Failure('responder-hangs', cause)
  const { endHung } = await import('./hung-responder.js')
  await endHung(directory, hung)
  onEnded(new Failure('responder-ended', `${cause}: it was ended, with all that was armed`))
  return 'absent'
}

/**
 * Resolves when the responder certainly hangs, or with nothing when `signal` is aborted. Who cannot look, as for want
 * of descriptors, waits for the answer: the responder may be carrying the request out.
 */
async function lookForHang(directory: RunDirectory, signal: AbortSignal): Promise<HungResponder | undefined> {
  try {
    // It is loaded only now, because few starts need it and every start would pay for it.
    const { untilHung } = await import('./hung-responder.js')
    return await untilHung(directory, signal)
  } catch {
    return new Promise(() => undefined)
  }
}
