/** Removes what a killed responder has left, without starting another. */
import { existsSync, unlinkSync } from 'node:fs'
import { dirname } from 'node:path'
import { Failure, toFailure } from '../failure.js'
import { sweep } from '../firewall/choose.js'
import { run } from '../firewall/run.js'
import { ipSets } from '../kernel/ip-sets.js'
import type { Lock } from '../kernel/lock.js'
import { lockRunDirectory } from './lock-run-directory.js'
import { noteLosses, type ResponderEnd } from './losses.js'
import { removeRunDirectory, type RunDirectory } from './run-directory.js'

/**
 * Removes rules, socket and lock of a directory whose responder is dead. The keeper does this (hooks/keep), and so do
 * cleanup and `stop`. A responder that starts or ends at this moment holds the lock, and sweeps by itself. Each
 * challenge that was armed gets a note for its cleanup hook (losses.ts). `end` says how the responder has ended.
 * @throws Failure `firewall-failed`, `native-module`, `run-directory`
 */
export async function sweepLeftovers(directory: RunDirectory, end: ResponderEnd = { kind: 'gone' }): Promise<void> {
  if (process.geteuid?.() !== 0) throw new Failure('not-root', 'only root can see and remove rules')
  const lock = await lockForSweeping(directory)
  if (!lock) return
  noteLosses(directory, end)
  try {
    await sweep(directory.tag, run, ipSets)
    if (existsSync(directory.socket)) unlinkSync(directory.socket)
  } finally {
    lock.release()
    removeRunDirectory(directory)
  }
}

/**
 * Locks the directory, and makes it if it is gone: there may be rules, and a responder may start at this moment. If no
 * directory can be made, no responder has one either, and nothing is locked.
 */
async function lockForSweeping(directory: RunDirectory): Promise<Pick<Lock, 'release'> | undefined> {
  if (!existsSync(dirname(directory.path))) return UNLOCKED
  try {
    return await lockRunDirectory(directory)
  } catch (thrown) {
    const hasNoRoom = ['disk-full', 'read-only-file-system'].includes(toFailure(thrown).code)
    if (!hasNoRoom || existsSync(directory.lock)) throw thrown
    return UNLOCKED
  }
}

const UNLOCKED: Pick<Lock, 'release'> = { release: () => undefined }
