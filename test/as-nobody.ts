import { loadLibc } from '../src/kernel/libc.js'

const NOBODY = 65_534
/** Leaves a user id as it is (setresuid(2)). */
const SAME = 0xffff_ffff

/**
 * Runs a task with nobody as the effective user, where this process is root; otherwise as the user that it is. It asks
 * the C library: a Node with a shared libuv, as Debian's, refuses to change users.
 */
export async function asNobody<Result>(task: () => Result | Promise<Result>): Promise<Result> {
  if (process.geteuid?.() !== 0) return task()
  const libc = await loadLibc()
  const become = (user: number) => {
    if (libc.setresuid(SAME, user, SAME) < 0) throw new Error(`setresuid: errno ${libc.errno()}`)
  }
  become(NOBODY)
  try {
    return await task()
  } finally {
    become(0)
  }
}
