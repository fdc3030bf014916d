/** The directory that holds the control socket and the lock of one responder. */
import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync, rmdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Failure } from '../failure.js'

export interface RunDirectory {
  readonly path: string
  readonly socket: string
  readonly lock: string
  /** Marks the firewall rules of this directory's responder: 8 hexadecimal digits of its path's SHA-256. */
  readonly tag: string
}

/** The names in a run directory; nothing is made or checked. @throws Failure `run-directory` when a socket's path would be too long */
export function runDirectory(path: string): RunDirectory {
  const absolute = resolve(path)
  const socket = join(absolute, 'control')
  if (Buffer.byteLength(socket) > MAX_SOCKET_PATH) throw new Failure('run-directory', `${absolute} is too long a path for a socket in it`)
  const tag = createHash('sha256').update(absolute).digest('hex').slice(0, 8)
  return { path: absolute, socket, lock: join(absolute, 'lock'), tag }
}

/** sun_path of unix(7), less its final zero byte. */
const MAX_SOCKET_PATH = 107

/** Makes the directory, mode 0700, or checks the one that is there. @throws Failure `run-directory` */
export function prepareRunDirectory({ path }: RunDirectory): void {
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code !== 'EEXIST') throw new Failure('run-directory', `cannot make the run directory ${path}: ${message}`)
  }
  checkRunDirectory(path)
}

/** Removes the directory unless something else is in it. */
export function removeRunDirectory({ path }: RunDirectory): void {
  try {
    rmdirSync(path)
  } catch {
    // Somebody put a file there, or the next responder is about to start in it.
  }
}

function checkRunDirectory(path: string): void {
  const entry = lstatSync(path)
  const reason = !entry.isDirectory()
    ? 'is not a directory'
    : entry.uid !== process.getuid?.()
      ? `belongs to user id ${entry.uid}`
      : (entry.mode & 0o022) !== 0
        ? 'can be written to by others'
        : undefined
  if (reason) throw new Failure('run-directory', `the run directory ${path} ${reason}`)
}
