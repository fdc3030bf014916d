/**
 * Finds out that the start of a responder hangs, and ends it. A hook waits for the report of the start, and certbot for
 * the hook, both without a limit.
 */
import { readFileSync } from 'node:fs'
import { Failure } from '../failure.js'
import { openHangJudge } from '../kernel/hang.js'
import { lookAt, type ProcessLook } from '../kernel/process-look.js'

/** Milliseconds between looks. */
const PAUSE = 250

/** More seconds of processor time than any start takes. */
const LONG_START = 60

/**
 * Looks at our keeper and at the responder that it starts, until `signal` is aborted. It never resolves. When one of
 * them is stopped, or the responder sleeps and waits for nothing, it ends both and rejects.
 * @throws Failure `responder-not-started`
 */
export async function untilStartHangs(keeper: number | undefined, signal: AbortSignal): Promise<never> {
  const judges = { keeper: openHangJudge(LONG_START), responder: openHangJudge(LONG_START) }
  const isOver = () => signal.aborted
  while (keeper !== undefined && !isOver()) {
    // The pipe of the report keeps the process alive, not this timer.
    await new Promise((resolve) => setTimeout(resolve, PAUSE).unref())
    const look = isOver() ? undefined : lookAt(keeper)
    const responder = look?.children.filter(isResponder).map(lookAt).find(Boolean)
    const hang =
      (look && judges.keeper.see(waiting(look))) ??
      (responder && judges.responder.see(responder.children.length > 0 ? waiting(responder) : responder))
    if (!hang) continue
    // It leads a group of its own and is our child, so no other process can have its number.
    process.kill(-keeper, 'SIGKILL')
    throw new Failure('responder-not-started', `the start of the responder ${hang}: it was ended`)
  }
  return new Promise(() => undefined)
}

/** Returns the look at a process that may sleep for as long as its child runs. */
function waiting(look: ProcessLook): ProcessLook {
  return { ...look, ran: '' }
}

function isResponder(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('/responder.cjs\0')
  } catch {
    return false
  }
}
