/** Tells a process that hangs from one that is only slow, by looks at it while it owes somebody an answer. */
import type { ProcessLook } from './process-look.js'

/** How a process hangs, for people: "it …". */
export type Hang = 'is stopped' | 'sleeps and does not wake up' | 'is busy with something that does not end'

/**
 * How many looks in a row have to show the same. They are counted, not seconds: where a whole machine stands still, so
 * does who looks.
 */
export const LOOKS = 12

export interface HangJudge {
  /**
   * Takes the next look at a process that has not answered since the one before; says how it hangs once that is
   * certain.
   */
  see(look: ProcessLook): Hang | undefined
  /** It has answered: all begins anew. */
  reset(): void
}

/**
 * A process is slow, however long it takes, as long as it wants to run and is not let, or waits for a disk. It hangs
 * when it is stopped, when it sleeps and has not run at all although something waits for it, or when it has used
 * `limit` seconds of processor time in one go.
 */
export function openHangJudge(limit: number): HangJudge {
  let first: ProcessLook | undefined
  let last: ProcessLook | undefined
  let alike = 0
  const reset = () => {
    first = last = undefined
    alike = 0
  }
  return {
    reset,
    see: (look) => {
      if (first && first.startTime !== look.startTime) reset()
      first ??= look
      alike = last && isStill(look) && look.state === last.state && look.ran === last.ran ? alike + 1 : 1
      last = look
      if (look.processorTime - first.processorTime >= limit) return 'is busy with something that does not end'
      if (alike < LOOKS || !isStill(look)) return undefined
      return look.state === 'stopped' ? 'is stopped' : 'sleeps and does not wake up'
    },
  }
}

/** Whether it does nothing; of a sleeper that is only certain where the kernel tells whether it has run. */
function isStill({ state, ran }: ProcessLook): boolean {
  return state === 'stopped' || (state === 'asleep' && ran !== '')
}
