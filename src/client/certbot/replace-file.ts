/** Puts a text in the place of a file: all of it, on the disk, or nothing. */
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
import { loadLibc } from '../../kernel/libc.js'
import { flushDirectory, writeNewFile } from './new-file.js'

export interface Replaced {
  /** The file itself, where the path is a link to it. */
  readonly target: string
  /** The file as it was before: its name does not end in `.conf`, so that certbot does not take it for a lineage's. */
  readonly backup: string
  /** What the new file does not have of the old one: one line each. */
  readonly losses: readonly string[]
}

/**
 * Replaces what was read as `before` by `after`. Owner, mode and extended attributes are those of the old file, a link
 * stays one. Whatever fails, the old file is there as it was, and nothing else.
 * @throws Failure `renewal-changed` where the file is not as it was read any more; Error of the system
 */
export async function replaceFile(path: string, before: Uint8Array, after: Uint8Array): Promise<Replaced> {
  const libc = await loadLibc()
  const target = realpathSync(path)
  const fresh = `${target}.certbot-nfq-new`
  const made = [fresh]
  const old = openSync(target, 'r')
  try {
    const { mode, uid, gid, nlink } = fstatSync(old)
    let unkept: string[] = []
    const makeAlike = (fd: number) => {
      fchownSync(fd, uid, gid)
      fchmodSync(fd, mode & 0o7777)
      unkept = copyExtendedAttributes(libc, old, fd)
    }
    // One that was killed may have left it.
    rmSync(fresh, { force: true })
    writeNewFile(fresh, after, makeAlike)
    const backup = freeName(`${target}.before-certbot-nfq`)
    writeNewFile(backup, before, makeAlike)
    made.push(backup)
    flushDirectory(dirname(target))
    // Last: certbot is locked out, but an editor is not.
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

/** The name, with a number behind it where there is such a file already: that is an older copy, and stays. */
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
