/** Extended attributes of files (xattr(7)): access control lists, labels of a security module, and users' own. */
import type { Libc } from './libc.js'

/** Longest list of names, and longest value, in bytes (XATTR_LIST_MAX, XATTR_SIZE_MAX). */
const LONGEST = 65_536

/**
 * Copies the attributes of the file open at `from` to the one open at `to`, which keeps no others. Returns the names of
 * those that could not be copied.
 */
export function copyExtendedAttributes(libc: Libc, from: number, to: number): string[] {
  const [wanted, there] = [namesOf(libc, from), namesOf(libc, to)]
  const isCopied = (name: string): boolean => {
    const value = valueOf(libc, from, name)
    if (!value) return false
    return valueOf(libc, to, name)?.equals(value) === true || libc.fsetxattr(to, name, value, value.length, 0) === 0
  }
  const unwanted = there.filter((name) => !wanted.includes(name))
  return [...wanted.filter((name) => !isCopied(name)), ...unwanted.filter((name) => libc.fremovexattr(to, name) !== 0)]
}

/** Returns the names of the attributes; none on a file system without attributes. */
function namesOf(libc: Libc, fd: number): string[] {
  const names = Buffer.alloc(LONGEST)
  const length = Math.max(0, libc.flistxattr(fd, names, LONGEST))
  return names
    .toString('latin1', 0, length)
    .split('\0')
    .filter((name) => name !== '')
}

function valueOf(libc: Libc, fd: number, name: string): Buffer | undefined {
  const value = Buffer.alloc(LONGEST)
  const size = libc.fgetxattr(fd, name, value, LONGEST)
  return size < 0 ? undefined : value.subarray(0, size)
}
