/**
 * Node's debugger cannot be started by a signal any more, and ends where it was started before: whoever connects to it
 * is this process, and its port lets everybody on the machine in. To be called before root is given up.
 */
export async function forbidDebugger(): Promise<void> {
  process.on('SIGUSR1', () => undefined)
  // A Node may be built without it.
  const inspector = await import('node:inspector').catch(() => undefined)
  if (inspector?.url() !== undefined) inspector.close()
}
