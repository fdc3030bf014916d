import { readFileSync } from 'node:fs'
import { run } from './run.js'
import { waitUntil } from './wait-until.js'

/** A running process. */
export interface ProcessInfo {
  readonly pid: number
  /** Its command line, words separated by one blank. */
  readonly command: string
}

const graceMilliseconds = 4_000
const killMilliseconds = 60_000

/**
 * Returns every process whose network namespace is the named one, whoever started it and whatever its session. A
 * namespace that does not exist has none.
 */
export async function processesIn(namespace: string): Promise<ProcessInfo[]> {
  const { stdout } = await run(['ip', 'netns', 'pids', namespace], { reject: false })
  return parsePids(stdout).flatMap((pid) => {
    const command = commandOf(pid)
    return command === undefined ? [] : [{ pid, command }]
  })
}

/**
 * Ends every process of the namespace and waits until it is gone: by SIGTERM, and by SIGKILL for what is still there
 * after 4 s.
 */
export async function endProcessesIn(namespace: string): Promise<void> {
  if ((await signalAll(namespace, 'SIGTERM')) === 0) return
  try {
    await waitUntil(() => isEmpty(namespace), 'processes to end', graceMilliseconds)
  } catch {
    await signalAll(namespace, 'SIGKILL')
    await waitUntil(() => isEmpty(namespace), 'killed processes to end', killMilliseconds)
  }
}

/** Returns the process ids in the output of `ip netns pids`, one on each line. */
export function parsePids(output: string): number[] {
  return output
    .split('\n')
    .filter((line) => /^\d+$/.test(line))
    .map(Number)
}

/** Sends a signal to a process. A process that has ended already is not a failure. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

async function signalAll(namespace: string, name: NodeJS.Signals): Promise<number> {
  const processes = await processesIn(namespace)
  for (const { pid } of processes) signal(pid, name)
  return processes.length
}

async function isEmpty(namespace: string): Promise<boolean> {
  return (await processesIn(namespace)).length === 0
}

function commandOf(pid: number): string | undefined {
  try {
    // Words end in NUL. A process between exec and exit may have none.
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
  } catch {
    return undefined
  }
}
