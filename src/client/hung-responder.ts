/**
 * Finds out whether a responder hangs, and ends it. That takes root. Only processes that certainly belong to this run
 * directory are ended.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { request } from '../control/client.js'
import { openHangJudge, type Hang } from '../kernel/hang.js'
import { lockHolders } from '../kernel/lock-holder.js'
import { lookAt, type ProcessLook } from '../kernel/process-look.js'
import type { RunDirectory } from '../responder/run-directory.js'
import { sweepLeftovers } from '../responder/sweep.js'

/** A responder that hangs, and how. */
export interface HungResponder {
  readonly pid: number
  readonly startTime: string
  readonly hang: Hang
}

/** Milliseconds between looks. */
const PAUSE = 250

/** Milliseconds until a responder that has answered is asked again. */
const ANSWERED_PAUSE = 1_000

/**
 * Seconds of processor time, more than any turn of an event loop takes. For slow machines, the same limit as a multiple
 * of what our own start has used.
 */
const LONG_TURN = 3
const LONG_TURN_TO_OURS = 10

/** Milliseconds for the keeper to clear up after the responder. */
const CLEARING_TIME = 5_000

/**
 * Resolves when the responder certainly hangs, or with nothing when `signal` is aborted. Meanwhile it is asked for its
 * status, which a responder of any version answers at once, whatever else it is doing.
 */
export async function untilHung(directory: RunDirectory, signal: AbortSignal): Promise<HungResponder | undefined> {
  const { user, system } = process.cpuUsage()
  const judge = openHangJudge(Math.max(LONG_TURN, (LONG_TURN_TO_OURS * (user + system)) / 1e6))
  let question = ask(directory, signal)
  while (!signal.aborted) {
    await pause(PAUSE, false)
    const pid = responderIn(directory)
    const look = pid === undefined ? undefined : lookAt(pid)
    if (question.isOpen()) {
      const hang = look && judge.see(look)
      if (pid !== undefined && look && hang) return { pid, startTime: look.startTime, hang }
    } else {
      await pause(ANSWERED_PAUSE, false)
      judge.reset()
      question = ask(directory, signal)
    }
  }
  return undefined
}

/** Asks for the status. The end of the connection counts as an answer: a process that hangs does not end it. */
function ask({ socket }: RunDirectory, signal: AbortSignal): { isOpen(): boolean } {
  let isOpen = true
  const close = () => {
    isOpen = false
  }
  request(socket, { op: 'status' }, signal).then(close, close)
  return { isOpen: () => isOpen }
}

/**
 * Ends the responder, everything it has started and its keeper, and clears up in the keeper's place.
 * @throws Failure when rules may be left
 */
export async function endHung(directory: RunDirectory, { pid, startTime }: HungResponder): Promise<void> {
  const look = lookAt(pid)
  if (responderIn(directory) === pid && look?.startTime === startTime) {
    const keepers = keepersOf(directory).filter((keeper) => keeper.pid === look.parent)
    for (const one of [...look.children, ...keepers.map(wholeGroup), pid]) kill(one)
  }
  await clearUp(directory)
}

/**
 * Removes what a dead responder has left, if nobody else does, rules included. Ends a keeper that is stopped.
 * @throws Failure when rules may be left
 */
export async function clearUp(directory: RunDirectory): Promise<void> {
  const stopped = existsSync(directory.path) ? keepersOf(directory).filter(({ state }) => state === 'stopped') : []
  const end = performance.now() + CLEARING_TIME
  for (;;) {
    await sweepLeftovers(directory)
    if (!existsSync(directory.socket) || performance.now() > end) break
    // Its keeper is doing it.
    await pause(PAUSE / 10)
  }
  for (const keeper of stopped) {
    const look = lookAt(keeper.pid)
    if (look?.state === 'stopped' && look.startTime === keeper.startTime) kill(wholeGroup(keeper))
  }
}

/** Returns the process that holds the lock of the run directory, when that is a responder. */
export function responderIn({ lock }: RunDirectory): number | undefined {
  return lockHolders(lock).find(
    ({ pid, isCertain }) => isCertain && wordsOf(pid).some((word) => word.endsWith('/responder.cjs')),
  )?.pid
}

/** Returns the shells of root that run hooks/keep for this directory. */
function keepersOf({ path }: RunDirectory): (ProcessLook & { readonly pid: number })[] {
  const pids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
  return pids.flatMap((pid) => {
    const words = wordsOf(pid)
    const isKeeper =
      words.some((word, at) => word.endsWith('/hooks/keep') && words[at + 1] === path) &&
      statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid === 0
    const look = isKeeper ? lookAt(pid) : undefined
    return look ? [{ ...look, pid }] : []
  })
}

/**
 * Returns the argument for kill(2): the group that a keeper leads when a hook or command has started it. Only its
 * responder is in that group.
 */
function wholeGroup({ pid, group }: { readonly pid: number; readonly group: number }): number {
  return pid === group ? -pid : pid
}

function wordsOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
  } catch {
    return []
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // The process has ended by itself.
  }
}

/** Waits. Without `keepsProcess` the timer does not keep the process alive. */
function pause(milliseconds: number, keepsProcess = true): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds)
    if (!keepsProcess) timer.unref()
  })
}
