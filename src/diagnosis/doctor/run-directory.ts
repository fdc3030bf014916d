/** Is the run directory safe, or can it be made, and is there room for what a responder puts into it? */
import { accessSync, constants, existsSync, statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { checkRunDirectory, type RunDirectory } from '../../responder/run-directory.js'
import { FIXES, isFailure, toFailure, type Failure } from '../../failure.js'
import { fail, ok, warn, type Finding } from './finding.js'

/** What is known of the run directory. */
export interface RunDirectoryFacts {
  readonly path: string
  readonly isThere: boolean
  readonly isParentThere: boolean
  /** Why it is not safe, or cannot be there, if that is so. */
  readonly refusal: Pick<Failure, 'code' | 'message'> | undefined
  readonly isReadOnly: boolean
  /** What the next responder makes in its file system: directory, lock and socket, less those that are there. */
  readonly inodesNeeded: number
  /** The file system it is in, or is made in. Unknown where it cannot be asked. */
  readonly fileSystem: Room | undefined
}

/** What is left of a file system, for root. */
export interface Room {
  readonly blocks: number
  /** Undefined where inodes are made as they are needed, as on Btrfs. */
  readonly inodes: number | undefined
}

/** Looks at the directory. Makes nothing. */
export function readRunDirectory(directory: RunDirectory): RunDirectoryFacts {
  const { path, lock, socket } = directory
  const nearest = existsSync(path) ? path : dirname(path)
  return {
    path,
    isThere: existsSync(path),
    isParentThere: existsSync(dirname(path)),
    refusal: refusalOf(() => checkRunDirectory(directory)),
    isReadOnly: isReadOnly(nearest),
    inodesNeeded: [path, lock, socket].filter((name) => !existsSync(name)).length,
    fileSystem: roomOf(nearest),
  }
}

/** Judges the directory. It may be absent, for the first hook makes it. */
export function judgeRunDirectory(facts: RunDirectoryFacts): Finding {
  const { path, isThere, isParentThere, refusal, isReadOnly, inodesNeeded, fileSystem } = facts
  if (refusal !== undefined) return fail('run-directory', refusal.message, FIXES[refusal.code])
  if (!isThere && !isParentThere)
    return fail(
      'run-directory',
      `${path} cannot be made: the directory above it is not there`,
      FIXES['run-directory-path'],
    )
  const useless = isThere ? `no file can be made in ${path}` : `${path} cannot be made`
  if (isReadOnly)
    return fail('run-directory', `${useless}: its file system is read-only`, FIXES['read-only-file-system'])
  const inodes = fileSystem?.inodes ?? Infinity
  if (inodes < inodesNeeded)
    return fail(
      'run-directory',
      `a responder cannot start: it makes ${inodesNeeded} more files for ${path}, and the file system has room for ${inodes}`,
      FIXES['disk-full'],
    )
  // Empty files need no block, but a directory of most file systems does.
  if (fileSystem?.blocks === 0 && inodesNeeded > 0)
    return warn('run-directory', `the file system of ${path} is full`, FIXES['disk-full'])
  return ok('run-directory', isThere ? `${path} is there and safe` : `${path} is not there; the first hook makes it`)
}

/** Returns whether the file system is, or the mount. Root's other rights do not matter here. */
function isReadOnly(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EROFS'
  }
}

function roomOf(path: string): Room | undefined {
  try {
    const { bfree, files, ffree } = statfsSync(path)
    return { blocks: bfree, inodes: files > 0 ? ffree : undefined }
  } catch {
    return undefined
  }
}

function refusalOf(check: () => void): RunDirectoryFacts['refusal'] {
  try {
    check()
    return undefined
  } catch (thrown) {
    // Without root there may be no right to look.
    if (isFailure(thrown)) return thrown
    const message = `the run directory cannot be looked at: ${toFailure(thrown).message.replace(/^unexpected: /, '')}`
    return { code: 'not-root', message }
  }
}
