/** A program that gave no answer. Then nothing is known, and what it looked at is not at fault. */
import type { RunResult } from '../../firewall/run.js'

/** Why nothing is known, and what to do about it. */
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

/** What a Node ends by when compiled parts were built for another one. */
const CRASH = /^ended by SIG(SEGV|ABRT|BUS|ILL|FPE|TRAP)$/
const AFTER_CRASH =
  'build the compiled parts for the Node of the hooks, with the npm of that Node: npm rebuild, in the directory of certbot-nfq (docs/install.md#node)'

/** Returns why a program gave no answer. `fix` is for a program that ended by itself and refused. */
export function untoldBy({ exitCode, stderr, unfinished }: RunResult, fix: string): Untold {
  const reason = stderr.trim().split('\n', 1)[0] || `exit code ${exitCode}`
  if (unfinished === 'killed' && CRASH.test(reason)) return { reason, fix: AFTER_CRASH }
  return { reason, fix: unfinished ? FIXES[unfinished] : fix }
}
