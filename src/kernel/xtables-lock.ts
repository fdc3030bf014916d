/**
 * The lock that processes of legacy iptables share. Its file is root's alone. So a responder opens it before it gives
 * root up, and locks it for the programs it runs. Those are told to lock a file of their own instead (`OWN_LOCK` of
 * firewall/program-path.ts).
 */
import { constants, existsSync, openSync } from 'node:fs'
import { Failure } from '../failure.js'
import { loadLibc } from './libc.js'
import { lockHolders } from './lock-holder.js'
import { processName } from './process-name.js'

const PATH = '/run/xtables.lock'
const LOCK_EX = 2
const LOCK_NB = 4
const LOCK_UN = 8

/** Milliseconds between tries, and for all of them. */
const PAUSE = 20
const TIME_LIMIT = 10_000

/**
 * Runs a task while the lock is held. Several tasks at once share it. No task runs without it.
 * @throws Failure `firewall-busy` when it does not come free in time
 */
export type UnderLock = <Result>(task: () => Promise<Result>) => Promise<Result>

/**
 * Opens the lock. With `isNeeded` its file is made when there is none, as iptables does. Without a file nobody uses
 * legacy iptables, and tasks simply run.
 */
export async function openXtablesLock(isNeeded: boolean): Promise<UnderLock> {
  const libc = await loadLibc()
  const fd = open(isNeeded)
  let holders = 0
  return async (task) => {
    // Programs that run as root lock the file themselves. They would wait for us.
    if (process.getuid?.() === 0) return task()
    if (fd === undefined) {
      if (existsSync(PATH))
        throw new Failure('firewall-busy', `${PATH} was made by another program meanwhile, and only root can open it`)
      return task()
    }
    holders++
    try {
      const end = performance.now() + TIME_LIMIT
      while (libc.flock(fd, LOCK_EX | LOCK_NB) !== 0) {
        if (performance.now() > end)
          throw new Failure(
            'firewall-busy',
            `${describeHolder()} has held the lock of iptables, ${PATH}, for ${TIME_LIMIT / 1000} s`,
          )
        await new Promise((resolve) => setTimeout(resolve, PAUSE))
      }
      return await task()
    } finally {
      holders--
      if (holders === 0) libc.flock(fd, LOCK_UN)
    }
  }
}

function open(isNeeded: boolean): number | undefined {
  try {
    return openSync(PATH, constants.O_RDONLY | (isNeeded ? constants.O_CREAT : 0), 0o600)
  } catch {
    return undefined
  }
}

function describeHolder(): string {
  const pid = lockHolders(PATH)[0]?.pid
  const name = pid === undefined ? undefined : processName(pid)
  return name === undefined ? 'another program' : `process ${pid} (${name})`
}
