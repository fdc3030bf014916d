/** What ends a hook before its time. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Does a task. If a signal comes meanwhile, `undo` is called, and the process then ends by the signal, as it would have
 * at once. A client that is interrupted while its hook arms a challenge calls no hook that disarms it.
 */
export async function orUndone<Result>(task: () => Promise<Result>, undo: () => Promise<unknown>): Promise<Result> {
  const listen = () => SIGNALS.forEach((signal) => process.on(signal, end))
  const unlisten = () => SIGNALS.forEach((signal) => process.off(signal, end))
  const end = (signal: NodeJS.Signals) => {
    // A second signal ends it at once.
    unlisten()
    void undo()
      .catch(() => undefined)
      .then(() => process.kill(process.pid, signal))
  }
  listen()
  try {
    return await task()
  } finally {
    unlisten()
  }
}
