/** How hooks and commands ask the responder, and what becomes of one that hangs. */
import { request } from '../control/client.js'
import type { ControlRequest } from '../control/message.js'
import { Failure } from '../failure.js'
import type { RunDirectory } from '../responder/run-directory.js'

/** Milliseconds of silence after which it may be that the responder hangs. */
const SILENCE = 1_000

/**
 * Sends a request as `request` does. A responder that hangs for certain is ended, cleared up after and told to
 * `onEnded`, and then there is none; without `onEnded` it is left alone, and a failure.
 * @throws Failure as `request`, `responder-hangs`
 */
export async function ask(
  directory: RunDirectory,
  message: ControlRequest,
  onEnded?: (warning: Failure) => void,
): ReturnType<typeof request> {
  const over = new AbortController()
  const answer = request(directory.socket, message, over.signal).finally(() => over.abort())
  // Whoever wins the race, this one is heard.
  answer.catch(() => undefined)
  const silence = new Promise<'silent'>((resolve) => {
    const timer = setTimeout(() => resolve('silent'), SILENCE)
    over.signal.addEventListener('abort', () => clearTimeout(timer))
  })
  const first = await Promise.race([answer, silence])
  if (first !== 'silent') return first
  // Only now: it costs a start what it is for a few of them.
  const { untilHung, endHung } = await import('./hung-responder.js')
  const hung = await Promise.race([answer.then(() => undefined), untilHung(directory, over.signal)])
  if (!hung) return answer
  over.abort()
  const cause = `the responder (process ${hung.pid}) ${hung.hang}, and answers nothing`
  if (!onEnded) throw new Failure('responder-hangs', cause)
  await endHung(directory, hung)
  onEnded(new Failure('responder-ended', `${cause}: it was ended, with all that was armed`))
  return 'absent'
}
