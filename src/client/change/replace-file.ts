/** Replaces a file by a text: completely and flushed to the disk, or not at all. */
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { Failure } from '../../failure.js'
import { copyExtendedAttributes } from '../../kernel/extended-attributes.js'
import { loadLibc, type Libc } from '../../kernel/libc.js'
import { flushDirectory, writeNewFile } from './new-file.js'

/** What follows the name of the file in the name of its copy; a number follows when there are several. */
export const COPY = '.before-certbot-nfq'

/** What became of a file that was replaced. */
export interface Replaced {
  /** The file itself when the path is a link to it. */
  readonly target: string
  /** The file as it was before. Its name does not end in `.conf`, so that certbot does not take it for a lineage's. */
  readonly backup: string
  /** What the new file lacks of the old one, one line each. */
  readonly losses: readonly string[]
}

/**
 * Replaces what was read as `before` by `after`. The new file has the owner, mode and extended attributes of the old
 * one, and a link stays a link. When anything fails, the old file is unchanged, and nothing else is left.
 * @throws Failure `renewal-changed` when the file is not as it was read; Error of the system
 */
export async function replaceFile(path: string, before: Uint8Array, after: Uint8Array): Promise<Replaced> {
  const libc = await loadLibc()
  const target = realpathSync(path)
  const fresh = `${target}.certbot-nfq-new`
  const made = [fresh]
  const old = openSync(target, 'r')
  try {
    const { nlink } = fstatSync(old)
    let unkept: readonly string[] = []
    const makeAlike = (fd: number) => {
      unkept = copyRights(libc, old, fd)
    }
    // A process that was killed may have left it.
    rmSync(fresh, { force: true })
    writeNewFile(fresh, after, makeAlike)
    const backup = freeName(`${target}${COPY}`)
    writeNewFile(backup, before, makeAlike)
    made.push(backup)
    flushDirectory(dirname(target))
    // This comes last: certbot is locked out, but an editor is not.
    if (!readFileSync(target).equals(before))
      throw new Failure(
        'renewal-changed',
        `${path} was changed by another program meanwhile: it stays as that has left it`,
      )
    renameSync(fresh, target)
    flushOrUndo(target, backup)
    return {
      target,
      backup,
      losses: [...lossOfNames(nlink - 1), ...unkept.map((name) => `the extended attribute ${name}`)],
    }
  } catch (thrown) {
    for (const name of made) rmSync(name, { force: true })
    throw thrown
  } finally {
    closeSync(old)
  }
}

/**
 * Makes a copy of a file beside it, with the same bytes, owner, mode and extended attributes. Returns its path.
 * @throws Error of the system; nothing is left then
 */
export async function copyFile(path: string): Promise<string> {
  const libc = await loadLibc()
  const target = realpathSync(path)
  const copy = freeName(`${target}${COPY}`)
  const old = openSync(target, 'r')
  try {
    writeNewFile(copy, readFileSync(old), (fd) => copyRights(libc, old, fd))
  } finally {
    closeSync(old)
  }
  flushDirectory(dirname(target))
  return copy
}

/**
 * Gives an open file the owner, mode and extended attributes of another. Returns the attributes that it cannot have.
 */
function copyRights(libc: Libc, from: number, to: number): readonly string[] {
  const { mode, uid, gid } = fstatSync(from)
  fchownSync(to, uid, gid)
  fchmodSync(to, mode & 0o7777)
  return copyExtendedAttributes(libc, from, to)
}

/**
 * Makes the copy the file again, in one step, with the owner, mode and extended attributes of before.
 * @throws Failure `renewal-changed` when the file is not what `after` replaced it by; Error of the system
 */
export function putBack({ target, backup }: Replaced, after: Uint8Array): void {
  if (!readFileSync(target).equals(after))
    throw new Failure('renewal-changed', `${target} was changed by another program meanwhile, and stays`)
  renameSync(backup, target)
  flushDirectory(dirname(target))
}

/** Returns the name, followed by a number when such a file exists already. That is an older copy, and stays. */
function freeName(name: string): string {
  for (let number = 1; ; number++) {
    const numbered = number === 1 ? name : `${name}-${number}`
    if (!lstatSync(numbered, { throwIfNoEntry: false })) return numbered
  }
}

function flushOrUndo(path: string, backup: string): void {
  try {
    flushDirectory(dirname(path))
  } catch (error) {
    renameSync(backup, path)
    throw error
  }
}

function lossOfNames(others: number): string[] {
  return others === 0
    ? []
    : [`${others} other ${others === 1 ? 'name' : 'names'} of it (hard links), which lead to the file as it was before`]
}
