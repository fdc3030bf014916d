import { renameSync } from 'node:fs'
import { createServer } from 'node:net'

/** Makes a socket at `path` on which nobody listens, as a killed responder leaves it. */
export async function leaveStaleSocket(path: string): Promise<void> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(`${path}.live`, resolve))
  // Closing removes the name it was made with, and so misses this one.
  renameSync(`${path}.live`, path)
  await new Promise((resolve) => server.close(resolve))
}
