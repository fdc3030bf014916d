/** `auth` and `cleanup`: the hooks with what they need put in. */
import { request } from '../control/client.js'
import type { SelfCheckOrder } from '../control/self-check-order.js'
import { checkRunDirectory, runDirectory } from '../daemon/run-directory.js'
import { auth } from '../hook/auth.js'
import { cleanup, isWell } from '../hook/cleanup.js'
import { printable } from '../wire/printable.js'
import type { Options } from './options.js'

/** @throws Failure */
export async function authCommand(options: Options): Promise<void> {
  const directory = runDirectory(options.runDir)
  checkRunDirectory(directory)
  const order = await auth(process.env, { ...options, socket: directory.socket, selfCheck: !options.noSelfCheck }, async () => {
    const { launchInBackground } = await import('./launch.js')
    await launchInBackground(options)
  })
  if (order) await check(order, directory.socket)
}

/** Warns where it finds something; whatever becomes of it, the challenge is armed. */
async function check(order: SelfCheckOrder, socket: string): Promise<void> {
  try {
    const { selfCheck } = await import('../self-check/self-check.js')
    const warning = await selfCheck(order, async () => {
      const response = await request(socket, { op: 'disarm', token: order.token })
      return typeof response === 'object' ? response.seen : undefined
    })
    if (warning) process.stderr.write(`${printable(warning)}\n`)
  } catch {
    // The responder forgets the token with the challenge.
  }
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
