/** Everything that one run has measured. What was not asked for is absent. */
import type { ArmingResults } from './arming.js'
import type { Tracking } from './bench-lab.js'
import type { BystanderResults } from './bystanders.js'
import type { ChallengeResults } from './challenges.js'
import type { ClientResults } from './clients.js'
import type { FloodResults } from './floods.js'
import type { HookResults } from './hooks.js'
import type { MemoryResults } from './memory.js'
import type { OrderResults } from './orders.js'
import type { PacketResults } from './packets.js'

export interface BenchResults {
  /** Lines that describe the machine. */
  readonly machine: readonly string[]
  /** The command line that makes such a run. */
  readonly command: string
  /** The headline, with connection tracking on, comes first. */
  readonly bystanders: readonly BystanderResults[]
  /** With connection tracking on and off. */
  readonly floods: readonly FloodResults[]
  /** The same. */
  readonly packets: readonly { readonly tracking: Tracking; readonly results: PacketResults }[]
  readonly challenges?: ChallengeResults
  readonly hooks?: HookResults
  readonly clients?: ClientResults
  readonly arming?: ArmingResults
  readonly memory?: MemoryResults
  readonly orders?: OrderResults
}
