/** What a killed responder leaves, removed without starting another. */
import { existsSync, unlinkSync } from 'node:fs'
import { Failure } from '../failure.js'
import { sweep } from '../firewall/choose.js'
import { run } from '../firewall/run.js'
import { takeLock } from '../kernel/lock.js'
import { checkRunDirectory, removeRunDirectory, type RunDirectory } from './run-directory.js'

/**
 * Removes rules, socket and lock of a directory whose responder is dead; one that starts or ends at this moment holds the lock,
 * and sweeps itself. @throws Failure `firewall-failed`, `native-module`, `run-directory`
 */
export async function sweepLeftovers(directory: RunDirectory): Promise<void> {
  if (process.geteuid?.() !== 0) throw new Failure('not-root', 'only root can see and remove rules')
  if (!existsSync(directory.path)) return sweep(directory.tag, run)
  checkRunDirectory(directory)
  const lock = await takeLock(directory.lock)
  if (!lock) return
  try {
    await sweep(directory.tag, run)
    if (existsSync(directory.socket)) unlinkSync(directory.socket)
  } finally {
    lock.release()
    removeRunDirectory(directory)
  }
}
