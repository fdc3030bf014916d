/** The directory that holds the control socket and the lock of one responder. */
import { existsSync, lstatSync, mkdirSync, readlinkSync, rmdirSync, type Stats } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { Failure, shortage } from '../failure.js'

/** The paths in a run directory, and its tag. */
export interface RunDirectory {
  readonly path: string
  readonly socket: string
  readonly lock: string
  /** Marks the firewall rules of this directory's responder: 8 hexadecimal digits derived from its path. */
  readonly tag: string
}

/**
 * Returns the paths in a run directory. Nothing is made or checked.
 * @throws Failure `run-directory-path` when a socket's path would be too long
 */
export function runDirectory(path: string): RunDirectory {
  const absolute = resolve(path)
  const socket = join(absolute, 'control')
  if (Buffer.byteLength(socket) > MAX_SOCKET_PATH)
    throw new Failure('run-directory-path', `${absolute} is too long a path for a socket in it`)
  return { path: absolute, socket, lock: join(absolute, 'lock'), tag: hash(absolute) }
}

/**
 * Returns FNV-1a with 32 bits, which tells a few paths apart. Loading node:crypto for that would take 3 % more
 * processor time in the start of every hook (median of 41 pairs).
 */
function hash(text: string): string {
  let sum = 0x811c9dc5
  for (const byte of Buffer.from(text)) sum = Math.imul(sum ^ byte, 0x01000193) >>> 0
  return sum.toString(16).padStart(8, '0')
}

/** The length of sun_path (unix(7)) without its final zero byte. */
const MAX_SOCKET_PATH = 107

/**
 * Makes the directory, mode 0700, or checks the one that is there.
 * @throws Failure `run-directory`, `run-directory-path`, `not-root`, `disk-full`, `read-only-file-system`
 */
export function prepareRunDirectory({ path }: RunDirectory): void {
  checkAbove(path)
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const cause = `cannot make the run directory ${path}: ${message}`
    if (code === 'EACCES' && process.geteuid?.() !== 0)
      throw new Failure('not-root', `only root can make the run directory ${path}`)
    if (code === 'ENOTDIR') throw notBelowDirectory(path)
    if (code === 'ENOENT')
      throw new Failure(
        'run-directory-path',
        `the run directory ${path} cannot be made: ${firstMissing(path)} does not exist`,
      )
    if (code !== 'EEXIST') throw shortage(cause, error) ?? new Failure('run-directory', cause)
  }
  checkRunDirectory({ path })
}

/** Returns the outermost directory on the way to this one that does not exist. */
function firstMissing(path: string): string {
  const above = dirname(path)
  return above === path || existsSync(dirname(above)) ? above : firstMissing(above)
}

/** Removes the directory unless something else is in it. */
export function removeRunDirectory({ path }: RunDirectory): void {
  try {
    rmdirSync(path)
  } catch {
    // There is a file in it, or the next responder is about to start in it.
  }
}

/**
 * Refuses a directory that is not safe, before anything in it is trusted, locked or removed. A directory that does not
 * exist is refused for what is above it. One of root's is safe for everybody.
 * @throws Failure `run-directory`, `run-directory-path`
 */
export function checkRunDirectory({ path }: Pick<RunDirectory, 'path'>): void {
  const entry = entryAt(path)
  const reason =
    entry &&
    (!entry.isDirectory()
      ? 'is not a directory'
      : isOthers(entry)
        ? `belongs to user id ${entry.uid}`
        : (entry.mode & 0o022) !== 0
          ? 'can be written to by others'
          : undefined)
  if (reason) throw new Failure('run-directory', `the run directory ${path} ${reason}`)
  checkAbove(path)
}

function entryAt(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOTDIR') throw error
    throw notBelowDirectory(path)
  }
}

function notBelowDirectory(path: string): Failure {
  return new Failure('run-directory-path', `the run directory ${path} cannot be made: what is above it is no directory`)
}

function checkAbove(path: string): void {
  const above = othersAbove(dirname(path))
  if (above !== undefined)
    throw new Failure('run-directory', `the run directory ${path} can be exchanged by others: they can change ${above}`)
}

/**
 * Returns a directory or link on the way to the directory by which others could put something else in its place, if
 * there is one.
 */
function othersAbove(path: string, links = 0): string | undefined {
  for (let at = path; at !== '/'; at = dirname(at)) {
    const entry = lstatSync(at, { throwIfNoEntry: false })
    if (entry?.isSymbolicLink() && links < MAX_LINKS) {
      const above = othersAbove(resolve(dirname(at), readlinkSync(at), relative(at, path)), links + 1)
      if (above !== undefined) return above
    } else if (entry && canBeWritten(entry)) return at
    if (entry && isOthers(entry)) return at
  }
  return undefined
}

/** The kernel's limit of links in a path. */
const MAX_LINKS = 40

function isOthers({ uid }: Stats): boolean {
  return uid !== 0 && uid !== process.getuid?.()
}

/**
 * Returns whether others can change a directory. With the sticky bit they can make something in it, but not rename or
 * remove what is root's. The group's right also stands for access control lists.
 */
function canBeWritten({ mode }: Stats): boolean {
  return (mode & 0o022) !== 0 && (mode & 0o1000) === 0
}
