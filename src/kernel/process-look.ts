/**
 * One look at a process by proc(5): what it is doing at this moment. It serves to tell a process that hangs from a slow
 * one.
 */
import { readdirSync, readFileSync } from 'node:fs'

/** What a process is doing at one moment. */
export interface ProcessLook {
  /**
   * `stopped`: by a signal or a debugger. `asleep`: no thread and no child wants to run. `busy`: a thread or child
   * wants to run, or waits for a disk.
   */
  readonly state: 'stopped' | 'asleep' | 'busy'
  /** Distinguishes this process from a later one with the same id. */
  readonly startTime: string
  /**
   * The scheduler's counters of the main thread, which change whenever it has run. Empty where the kernel does not
   * tell.
   */
  readonly ran: string
  /** Processor time of the main thread, in seconds. */
  readonly processorTime: number
  readonly parent: number
  /** Its process group. */
  readonly group: number
  readonly children: readonly number[]
}

/** Clock ticks in a second, as proc(5) counts them. They are the same on every Linux. */
const TICKS = 100

/** Looks at the process. Returns `undefined` when there is none, or only the remains of one that has ended. */
export function lookAt(pid: number): ProcessLook | undefined {
  try {
    const main = readStat(`/proc/${pid}/task/${pid}/stat`)
    const children = readChildren(pid)
    if ('ZX'.includes(main.state)) return undefined
    const others = [
      ...readdirSync(`/proc/${pid}/task`).map((thread) => `/proc/${pid}/task/${thread}/stat`),
      ...children.map((child) => `/proc/${child}/stat`),
    ]
    const wantsToRun = others.some((path) => 'RD'.includes(stateAt(path)))
    return {
      state: 'Tt'.includes(main.state) ? 'stopped' : wantsToRun ? 'busy' : 'asleep',
      startTime: main.startTime,
      ran: readOrNothing(`/proc/${pid}/task/${pid}/schedstat`),
      processorTime: main.ticks / TICKS,
      parent: main.parent,
      group: main.group,
      children,
    }
  } catch {
    return undefined
  }
}

/** Reads `4867 (node) S 4860 …`. The name in the second field may contain anything. */
function readStat(path: string): { state: string; parent: number; group: number; ticks: number; startTime: string } {
  const text = readFileSync(path, 'latin1')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return {
    state: fields[0] ?? 'X',
    parent: Number(fields[1]),
    group: Number(fields[2]),
    ticks: Number(fields[11]) + Number(fields[12]),
    startTime: fields[19] ?? '',
  }
}

/** Returns the state of a thread or child; X when it has ended meanwhile. */
function stateAt(path: string): string {
  try {
    return readStat(path).state
  } catch {
    return 'X'
  }
}

/** Returns the children of the main thread, which starts all of them in a Node. */
function readChildren(pid: number): number[] {
  return readOrNothing(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number)
}

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, 'latin1').trim()
  } catch {
    return ''
  }
}
