/** Takes the lock of a run directory. A process that installs or removes its rules has to hold this lock. */
import { existsSync } from 'node:fs'
import { takeLock, type Lock } from '../kernel/lock.js'
import { pause, systemClock, type Clock } from './clock.js'
import { prepareRunDirectory, type RunDirectory } from './run-directory.js'

/** Milliseconds between tries. */
const PAUSE = 20

/**
 * Makes or checks the directory and takes its lock. Returns `undefined` when a responder holds it, or when a sweep
 * holds it for longer than `patience` milliseconds. A process that ends at this moment may remove the directory between
 * our making it and our locking it. Then it is tried again.
 * @throws Failure `run-directory`, `not-root`, `native-module`
 */
export async function lockRunDirectory(
  directory: RunDirectory,
  patience = 0,
  clock: Clock = systemClock,
): Promise<Lock | undefined> {
  const end = clock.now() + patience
  for (;;) {
    const lock = await tryToLock(directory)
    // Only a responder has a socket.
    if (lock || existsSync(directory.socket) || clock.now() >= end) return lock
    await pause(clock, PAUSE)
  }
}

async function tryToLock(directory: RunDirectory): Promise<Lock | undefined> {
  for (let tries = 1; ; tries++) {
    try {
      prepareRunDirectory(directory)
      return await takeLock(directory.lock)
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT' || tries >= 10) throw thrown
    }
  }
}
