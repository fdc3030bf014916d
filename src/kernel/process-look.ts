/**
 * One look at a process by proc(5): what it is doing at this moment, for who wants to tell a process that hangs from
 * one that is slow.
 */
import { readdirSync, readFileSync } from 'node:fs'

export interface ProcessLook {
  /**
   * `stopped`: by a signal or a debugger. `asleep`: no thread wants to run, nor does a child. `busy`: some thread or
   * child wants to, or waits for a disk.
   */
  readonly state: 'stopped' | 'asleep' | 'busy'
  /** Tells this process from a later one of the same id. */
  readonly startTime: string
  /**
   * What the scheduler has counted of the main thread: it changes whenever that has run. Empty where the kernel does
   * not tell.
   */
  readonly ran: string
  /** Processor time of the main thread, in seconds. */
  readonly processorTime: number
  readonly parent: number
  /** Its process group. */
  readonly group: number
  readonly children: readonly number[]
}

/** Clock ticks in a second, as proc(5) counts them for programs: the same on every Linux. */
const TICKS = 100

/** Looks at the process; `undefined` when there is none, or only what is left of one that has ended. */
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

/** `4867 (node) S 4860 …`; the name in the second field may hold anything. */
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

/** Of a thread or child that has ended meanwhile: X. */
function stateAt(path: string): string {
  try {
    return readStat(path).state
  } catch {
    return 'X'
  }
}

/** Those of its main thread, which starts them all in a Node. */
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
