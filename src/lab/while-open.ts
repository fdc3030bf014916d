import { constants } from 'node:os'

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

interface Entry {
  readonly close: () => Promise<void>
  readonly closeAtExit: () => void
}

const open = new Set<Entry>()
let interrupted = false

/** Returns true once one of the signals has come. What fails from then on fails because everything is being closed. */
export function isInterrupted(): boolean {
  return interrupted
}

/**
 * Closes something before this process ends. Until the returned function has closed it, SIGINT, SIGTERM and SIGHUP
 * first close it and then end the process as they would have. Any other exit runs `closeAtExit`, which cannot wait. The
 * returned function closes once, however often it is called.
 */
export function whileOpen(close: () => Promise<void>, closeAtExit: () => void): () => Promise<void> {
  let closing: Promise<void> | undefined
  const entry: Entry = {
    closeAtExit,
    close: () => (closing ??= close().finally(() => forget(entry))),
  }
  if (open.size === 0) watch()
  open.add(entry)
  return entry.close
}

function forget(entry: Entry): void {
  open.delete(entry)
  if (open.size > 0) return
  process.off('exit', onExit)
  for (const name of signals) process.off(name, onSignal)
}

function watch(): void {
  process.on('exit', onExit)
  for (const name of signals) process.on(name, onSignal)
}

function onExit(): void {
  for (const { closeAtExit } of open) closeAtExit()
}

function onSignal(name: NodeJS.Signals): void {
  interrupted = true
  void Promise.allSettled([...open].map((entry) => entry.close())).then(() => endBy(name))
}

function endBy(name: NodeJS.Signals): void {
  // Once the last one is closed our listeners are gone, and the same signal has its ordinary effect. The listener of
  // another module gets it only in the next turn of the event loop, for which an empty loop would not wait.
  setTimeout(() => process.exit(128 + constants.signals[name]), 1_000)
  process.kill(process.pid, name)
}
