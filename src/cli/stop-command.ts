import { request } from '../control/client.js'
import { checkRunDirectory, runDirectory } from '../daemon/run-directory.js'
import { sweepLeftovers } from '../daemon/sweep.js'
import type { Options } from './options.js'

/** Ends the responder, whatever is armed; without one, removes what a killed one left. @throws Failure */
export async function stopCommand(options: Options): Promise<void> {
  const directory = runDirectory(options.runDir)
  checkRunDirectory(directory)
  const response = await request(directory.socket, { op: 'stop' })
  if (response === 'absent') await sweepLeftovers(directory)
  process.stdout.write(response === 'absent' ? `No responder runs in ${options.runDir}; leftover rules, if any, are removed.\n` : 'Stopped; its rules are removed.\n')
}
