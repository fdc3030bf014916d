/** Whoever installs or removes rules of a run directory holds its lock meanwhile. */
import { takeLock, type Lock } from '../kernel/lock.js'
import { prepareRunDirectory, type RunDirectory } from './run-directory.js'

/**
 * Makes or checks the directory and takes its lock; `undefined` when somebody holds it. Who ends at this moment may remove the
 * directory between our making it and our locking it: then once more.
 * @throws Failure `run-directory`, `not-root`, `native-module`
 */
export async function lockRunDirectory(directory: RunDirectory): Promise<Lock | undefined> {
  for (let tries = 1; ; tries++) {
    try {
      prepareRunDirectory(directory)
      return await takeLock(directory.lock)
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT' || tries >= 10) throw thrown
    }
  }
}
