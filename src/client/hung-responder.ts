/**
 * Finds out that a responder hangs, and ends it: whoever is root may, and only what is certain to be this run
 * directory's.
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

/** Milliseconds until one that has answered is asked again. */
const ANSWERED_PAUSE = 1_000

/**
 * Seconds of processor time that no turn of an event loop takes; and as a multiple of what our own start has used, for
 * machines that are slow.
 */
const LONG_TURN = 3
const LONG_TURN_TO_OURS = 10

/** Milliseconds for whoever keeps the responder to clear up after it. */
const CLEARING_TIME = 5_000

/**
 * Resolves when it is certain that the responder hangs, or with nothing when `signal` is aborted. It is asked for its
 * status meanwhile, which one of any version answers at once, whatever else it is doing.
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

/** Asks for the status. An end of the connection is an answer as well: whoever hangs does not end. */
function ask({ socket }: RunDirectory, signal: AbortSignal): { isOpen(): boolean } {
  let isOpen = true
  const close = () => {
    isOpen = false
  }
  request(socket, { op: 'status' }, signal).then(close, close)
  return { isOpen: () => isOpen }
}

/**
 * Ends it, whatever it has started and its keeper, and clears up in that one's place. @throws Failure when rules may be
 * left
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
 * Removes what is left of a responder that has ended, where nobody else does, and ends a keeper that is stopped.
 * @throws Failure
 */
export async function clearUp(directory: RunDirectory): Promise<void> {
  const stopped = existsSync(directory.path) ? keepersOf(directory).filter(({ state }) => state === 'stopped') : []
  const end = performance.now() + CLEARING_TIME
  for (;;) {
    await sweepLeftovers(directory)
    if (!existsSync(directory.socket) || performance.now() > end) break
    // Its keeper is at it.
    await pause(PAUSE / 10)
  }
  for (const keeper of stopped) {
    const look = lookAt(keeper.pid)
    if (look?.state === 'stopped' && look.startTime === keeper.startTime) kill(wholeGroup(keeper))
  }
}

/** The process that holds the lock of the run directory, when that is a responder. */
function responderIn({ lock }: RunDirectory): number | undefined {
  return lockHolders(lock).find(
    ({ pid, isCertain }) => isCertain && wordsOf(pid).some((word) => word.endsWith('/responder.cjs')),
  )?.pid
}

/** Shells of root that run hooks/keep for this directory. */
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
 * For kill(2): the group that a keeper leads, where a hook or command has started it; nothing but its responder is in
 * there.
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
    // It has ended by itself.
  }
}

/** Without `keepsProcess` it ends with whatever else the process waits for. */
function pause(milliseconds: number, keepsProcess = true): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds)
    if (!keepsProcess) timer.unref()
  })
}
