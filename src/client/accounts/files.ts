/** Reads directories and small files of other programs, which may be missing or may not be what they seem. */
import { closeSync, constants, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** The longest file that is read, in bytes. An RSA key of 16,384 bits takes 13 KiB. */
const LONGEST = 64 * 1024

/** Returns the paths of what is in a directory, in alphabetical order; none if it cannot be read. */
export function pathsIn(directory: string): string[] {
  try {
    return readdirSync(directory)
      .sort()
      .map((name) => join(directory, name))
  } catch {
    return []
  }
}

/** Returns the first of a directory and those in it that this user may not look into. */
export function closedIn(directory: string): string | undefined {
  return [directory, ...pathsIn(directory)].find((path) => {
    try {
      readdirSync(path)
      return false
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EACCES'
    }
  })
}

/** Returns the files of this name below a directory, at most `depth` directories deep. It follows symbolic links. */
export function filesNamed(name: string, directory: string, depth: number): string[] {
  if (depth < 0) return []
  return pathsIn(directory).flatMap((path) => {
    if (path === join(directory, name)) return isFile(path) ? [path] : []
    return isDirectory(path) ? filesNamed(name, path, depth - 1) : []
  })
}

/** Returns whether this is a file, whoever may read it. */
export function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false
}

/**
 * Returns the text of a regular file of at most 64 KiB. It does not wait for anything else, such as a FIFO.
 * @throws Error of the file system, or that it is no such file
 */
export function readSmallFile(path: string): string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  try {
    const { size } = fstatSync(fd)
    if (!fstatSync(fd).isFile() || size > LONGEST) throw new Error(`no regular file of at most ${LONGEST} bytes`)
    const bytes = Buffer.alloc(size)
    return bytes.toString('utf8', 0, readSync(fd, bytes))
  } finally {
    closeSync(fd)
  }
}

/** Returns what is at a place in a file of JSON, if that is a text. Never throws. */
export function textInJson(path: string, ...place: readonly string[]): string | undefined {
  try {
    let value: unknown = JSON.parse(readSmallFile(path))
    for (const key of place) value = (value as Readonly<Record<string, unknown>> | null)?.[key]
    return typeof value === 'string' ? value : undefined
  } catch {
    return undefined
  }
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}
