/**
 * Finds out that the start of a responder hangs, and ends it: a hook waits for its report, and certbot for the hook,
 * without any limit.
 */
import { readFileSync } from 'node:fs'
import { Failure } from '../failure.js'
import { openHangJudge } from '../kernel/hang.js'
import { lookAt, type ProcessLook } from '../kernel/process-look.js'

/** Milliseconds between looks. */
const PAUSE = 250

/** Seconds of processor time that no start takes. */
const LONG_START = 60

/**
 * Looks at a keeper of ours, and at the responder that it starts. Never resolves: rejects when one of them is stopped,
 * or the responder sleeps and waits for nothing, after it has ended both; until `signal` is aborted.
 * @throws Failure `responder-not-started`
 */
export async function untilStartHangs(keeper: number | undefined, signal: AbortSignal): Promise<never> {
  const judges = { keeper: openHangJudge(LONG_START), responder: openHangJudge(LONG_START) }
  const isOver = () => signal.aborted
  while (keeper !== undefined && !isOver()) {
    // The report's pipe keeps the process, not this.
    await new Promise((resolve) => setTimeout(resolve, PAUSE).unref())
    const look = isOver() ? undefined : lookAt(keeper)
    const responder = look?.children.filter(isResponder).map(lookAt).find(Boolean)
    const hang =
      (look && judges.keeper.see(waiting(look))) ??
      (responder && judges.responder.see(responder.children.length > 0 ? waiting(responder) : responder))
    if (!hang) continue
    // It leads a group of its own, and is our child: nobody else can have its number.
    process.kill(-keeper, 'SIGKILL')
    throw new Failure('responder-not-started', `the start of the responder ${hang}: it was ended`)
  }
  return new Promise(() => undefined)
}

/** Of who may well sleep for as long as a child of its takes. */
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
