/** Files that are written completely or not at all. */
import { closeSync, fsyncSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'

/**
 * Makes a file of these bytes and flushes it to the disk. `finish` sets its owner and mode, which is 0600 until then.
 * When anything fails, the file is not there.
 * @throws Error of the system; EEXIST where there is one
 */
export function writeNewFile(path: string, bytes: Uint8Array, finish: (fd: number) => void): void {
  const fd = openSync(path, 'wx', 0o600)
  try {
    // Unlike writeSync it continues until everything is written.
    writeFileSync(fd, bytes)
    finish(fd)
    fsyncSync(fd)
    if (!readFileSync(path).equals(bytes)) throw new Error(`${path} does not hold what was written to it`)
  } catch (thrown) {
    rmSync(path, { force: true })
    throw thrown
  } finally {
    closeSync(fd)
  }
}

/**
 * Flushes the names in a directory to the disk.
 * @throws Error of the system
 */
export function flushDirectory(path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } catch (error) {
    // Some file systems cannot flush a directory.
    if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error
  } finally {
    closeSync(fd)
  }
}
