/** Measures the resident memory of the responder, compared with a Node that does nothing. */
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { BenchLab } from './bench-lab.js'
import { emptyComparison, type Comparison } from './figures.js'
import { wrk } from './wrk.js'

/** Bytes (VmRSS of proc(5)). */
export interface MemoryResults {
  readonly armed: Comparison
  readonly hundred: Comparison
  /** Armed, after some seconds of forging as fast as it can. */
  readonly busy: Comparison
}

/** Both processes are looked at when they are this old, at least. */
const settleMilliseconds = 2_000

/** Measures with new processes each time. */
export async function measureMemory(
  lab: BenchLab,
  { rounds, seconds }: { rounds: number; seconds: number },
): Promise<MemoryResults> {
  const results = { armed: emptyComparison(), hundred: emptyComparison(), busy: emptyComparison() }
  for (let round = 0; round < rounds; round++) {
    for (const [into, others] of [
      [results.armed, 0],
      [results.hundred, 99],
    ] as const) {
      const idle = lab.server.spawn([process.execPath, '-e', 'setInterval(()=>{},1e3)'])
      await lab.responder.arm(lab.challenge, others)
      const { pid } = await lab.responder.status()
      await delay(settleMilliseconds)
      into.baselines.push(residentBytes(idle.pid))
      into.values.push(residentBytes(pid))
      if (others === 0) {
        await wrk(lab, `http://${lab.for.validators}${lab.challenge.path}`, { seconds, isEachOnItsOwn: true })
        results.busy.baselines.push(residentBytes(idle.pid))
        results.busy.values.push(residentBytes(pid))
      }
      await lab.responder.stop()
      await idle.stop()
    }
  }
  return results
}

function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1]) * 1024
}
