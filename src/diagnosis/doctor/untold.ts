/**
 * A program that was to find something out, and did not tell: nothing is known then, which is no fault of what it was
 * to look at.
 */
import type { RunResult } from '../../firewall/run.js'

export interface Untold {
  /** Why, in a few words. */
  readonly reason: string
  readonly fix: string
}

const FIXES = {
  'timed out': 'run it again when this machine is less busy',
  'killed': 'see with dmesg whether the kernel ended it for want of memory, and run it again',
  'not started': 'install util-linux, which has unshare',
} as const satisfies Record<NonNullable<RunResult['unfinished']>, string>

/** `fix` is for a program that came to its end, and refused. */
export function untoldBy({ exitCode, stderr, unfinished }: RunResult, fix: string): Untold {
  return {
    reason: stderr.trim().split('\n', 1)[0] || `exit code ${exitCode}`,
    fix: unfinished ? FIXES[unfinished] : fix,
  }
}
