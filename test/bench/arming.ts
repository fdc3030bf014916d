/** Measures the processor time that a further token costs a running responder, and the programs it runs. */
import { readFileSync } from 'node:fs'
import type { BenchLab } from './bench-lab.js'

/** Milliseconds of processor time for each of the tokens 2 to 100, one number for each round. */
export interface ArmingResults {
  readonly responder: readonly number[]
  /** Of the programs that the responder runs, or keeps running: iptables-restore or nft. */
  readonly programs: readonly number[]
}

const LAST = 100
/** Times in /proc/PID/stat are in ticks of a hundredth of a second (proc(5), sysconf(3): _SC_CLK_TCK). */
const TICK = 10

/** Measures `rounds` times, one token after another. */
export async function measureArming(lab: BenchLab, rounds: number): Promise<ArmingResults> {
  const results = { responder: [] as number[], programs: [] as number[] }
  for (let round = 0; round < rounds; round++) {
    await lab.responder.arm(lab.challenge)
    const { pid } = await lab.responder.status()
    const before = processorTime(pid)
    for (let number = 2; number <= LAST; number++) await lab.responder.armOne(number)
    const after = processorTime(pid)
    await lab.responder.stop()
    results.responder.push((after.own - before.own) / (LAST - 1))
    results.programs.push((after.children - before.children) / (LAST - 1))
  }
  return results
}

/** Milliseconds of a process, and of its children: those that have ended, and those that still run. */
function processorTime(pid: number): { own: number; children: number } {
  // The second field, the program's name in parentheses, may contain blanks. After it come utime, stime, cutime and
  // cstime as the fields 12 to 15.
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
    .replace(/^.*\) /s, '')
    .split(' ')
    .map(Number)
  const [user = NaN, system = NaN, childrenUser = NaN, childrenSystem = NaN] = fields.slice(11, 15)
  const running = childrenOf(pid).reduce((sum, child) => sum + processorTime(child).own, 0)
  return { own: (user + system) * TICK, children: (childrenUser + childrenSystem) * TICK + running }
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean).map(Number)
}
