/** All that one run has measured; what was not asked for is absent. */
import type { BystanderResults } from './bystanders.js'
import type { ChallengeResults } from './challenges.js'
import type { Comparison } from './figures.js'
import type { HookResults } from './hooks.js'
import type { MemoryResults } from './memory.js'

export interface BenchResults {
  /** Lines that describe the machine. */
  readonly machine: readonly string[]
  /** The command line that makes such a run. */
  readonly command: string
  /** The headline, with connection tracking on, comes first. */
  readonly bystanders: readonly BystanderResults[]
  readonly challenges?: ChallengeResults
  readonly hooks?: HookResults
  readonly memory?: MemoryResults
  /** Seconds. */
  readonly orders?: Comparison
}
