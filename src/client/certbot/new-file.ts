/** Files that are written whole or not at all. */
import { closeSync, fsyncSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'

/**
 * Makes a file of these bytes, with `finish` for its owner and mode (0600 until then), and brings it to the disk.
 * Whatever fails, it is not there.
 * @throws Error of the system; EEXIST where there is one
 */
export function writeNewFile(path: string, bytes: Uint8Array, finish: (fd: number) => void): void {
  const fd = openSync(path, 'wx', 0o600)
  try {
    // Unlike writeSync it goes on until all is written.
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

/** Brings the names in a directory to the disk. @throws Error of the system */
export function flushDirectory(path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } catch (error) {
    // A file system that has nothing to do for a directory.
    if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error
  } finally {
    closeSync(fd)
  }
}
