/** `auth` and `cleanup`: the hooks with what they need put in. */
import { checkRunDirectory, runDirectory } from '../daemon/run-directory.js'
import { auth } from '../hook/auth.js'
import { cleanup, isWell } from '../hook/cleanup.js'
import type { Options } from './options.js'

/** @throws Failure */
export async function authCommand(options: Options): Promise<void> {
  const directory = runDirectory(options.runDir)
  checkRunDirectory(directory)
  await auth(process.env, { ...options, socket: directory.socket }, async () => {
    const { launchInBackground } = await import('./launch.js')
    await launchInBackground(options)
  })
}

/** @throws Failure */
export async function cleanupCommand(options: Options): Promise<void> {
  const directory = runDirectory(options.runDir)
  checkRunDirectory(directory)
  const farewell = await cleanup(process.env, directory.socket, async () => {
    const { sweepLeftovers } = await import('../daemon/sweep.js')
    await sweepLeftovers(directory)
  })
  if (isWell(farewell) && !options.verbose) return
  const { sayVerdict } = await import('./cleanup-verdict.js')
  await sayVerdict(farewell, options.verbose)
}
