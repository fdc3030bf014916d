/**
 * The lock that legacy iptables processes share. Its file is root's alone, so a responder that has given root up opens it before,
 * and locks it for the programs it runs; those are told to lock /dev/null instead (`XTABLES_LOCKFILE`).
 */
import { openSync } from 'node:fs'
import { loadLibc } from './libc.js'

const PATH = '/run/xtables.lock'
const LOCK_EX = 2
const LOCK_NB = 4
const LOCK_UN = 8

/** Milliseconds between tries, and for all of them. */
const PAUSE = 20
const TIME_LIMIT = 10_000

/** Runs a task with the lock held, if it comes free in time; several at once share it. */
export type UnderLock = <Result>(task: () => Promise<Result>) => Promise<Result>

/** Opens the lock; where there is none, nobody uses legacy iptables, and tasks just run. */
export async function openXtablesLock(): Promise<UnderLock> {
  const libc = await loadLibc()
  let fd: number
  try {
    fd = openSync(PATH, 'r')
  } catch {
    return (task) => task()
  }
  let holders = 0
  return async (task) => {
    // Programs that root runs lock the file themselves: they would wait for us.
    if (process.getuid?.() === 0) return task()
    holders++
    try {
      const end = performance.now() + TIME_LIMIT
      while (libc.flock(fd, LOCK_EX | LOCK_NB) !== 0 && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, PAUSE))
      return await task()
    } finally {
      holders--
      if (holders === 0) libc.flock(fd, LOCK_UN)
    }
  }
}
