/** Tells a process that hangs from one that is slow, by looks at it while an answer of it is due. */
import type { ProcessLook } from './process-look.js'

/** How a process hangs, in words that follow "it". */
export type Hang = 'is stopped' | 'sleeps and does not wake up' | 'is busy with something that does not end'

/**
 * The number of looks in a row that have to show the same. Looks are counted, not seconds: where a whole machine stands
 * still, the process that looks does too.
 */
export const LOOKS = 12

/** Watches one process. */
export interface HangJudge {
  /**
   * Takes the next look at a process that has not answered since the last one. Returns how it hangs once that is
   * certain.
   */
  see(look: ProcessLook): Hang | undefined
  /** The process has answered. Everything begins again. */
  reset(): void
}

/**
 * Returns a judge. A process is slow, however long it takes, while it wants to run and may not, or waits for a disk. It
 * hangs when it is stopped, when it sleeps and has not run at all although something waits for it, or when it has used
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

/**
 * Returns whether the process does nothing. For a sleeper that is certain only where the kernel tells whether it has
 * run.
 */
function isStill({ state, ran }: ProcessLook): boolean {
  return state === 'stopped' || (state === 'asleep' && ran !== '')
}
