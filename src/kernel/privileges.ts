/**
 * Gives root up for good. What stays: CAP_NET_ADMIN (verdicts, rules) and CAP_NET_RAW (forged replies, a raw socket for each source
 * address; legacy iptables), also for the firewall programs that are run (ambient, capabilities(7)). Where it was asked for also
 * CAP_NET_BIND_SERVICE (a port that nobody listens on is served), for the main thread alone.
 */
import { readFileSync } from 'node:fs'
import { endianness } from 'node:os'
import { Failure } from '../failure.js'
import { loadLibc, type Libc } from './libc.js'

/** A user as the kernel knows it. */
export interface Account {
  readonly uid: number
  readonly gid: number
}

const CAP_NET_BIND_SERVICE = 10
const CAP_NET_ADMIN = 12
const CAP_NET_RAW = 13
/** Handed on to programs. */
const KEPT = [CAP_NET_ADMIN, CAP_NET_RAW]

const PR_SET_KEEPCAPS = 8
const PR_CAPBSET_READ = 23
const PR_CAPBSET_DROP = 24
const PR_SET_NO_NEW_PRIVS = 38
const PR_CAP_AMBIENT = 47
const PR_CAP_AMBIENT_RAISE = 2
const LINUX_CAPABILITY_VERSION_3 = 0x20080522

/** Looks a name or number up in /etc/passwd. @throws Failure `bad-option` */
export function findAccount(user: string): Account {
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n').map((line) => line.split(':'))
  const entry = lines.find(([name, , uid]) => name === user || uid === user)
  if (!entry) throw new Failure('bad-option', `--user: there is no user ${JSON.stringify(user)} in /etc/passwd`)
  return { uid: Number(entry[2]), gid: Number(entry[3]) }
}

/**
 * Turns this process into that user's. Its other threads lose every capability; the bounding set and no_new_privs are this thread's, so
 * that they hold for all threads the process has to be started with no_new_privs already (hooks/keep). With `mayBindPorts` it may still
 * listen on ports below 1024, if it could before.
 * @throws Failure `not-root`
 */
export async function dropPrivileges(account: Account, mayBindPorts = false): Promise<void> {
  const libc = await loadLibc()
  const couldBindPorts = libc.prctl(PR_CAPBSET_READ, CAP_NET_BIND_SERVICE, 0, 0, 0) === 1
  const check = (result: number, what: string) => {
    if (result < 0) throw new Failure('not-root', `cannot give root up: ${what} failed (errno ${libc.errno()})`)
  }
  for (let capability = 0; libc.prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++) {
    if (!KEPT.includes(capability)) check(libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0), 'dropping a bounding capability')
  }
  check(libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), 'keeping capabilities')
  become(account)
  check(setCapabilities(libc, mayBindPorts && couldBindPorts ? [...KEPT, CAP_NET_BIND_SERVICE] : KEPT), 'setting capabilities')
  for (const capability of KEPT) check(libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0), 'raising an ambient capability')
  check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 'no_new_privs')
}

/**
 * Turns this process into that user's, with no capability left in any thread: for who has opened what takes root and opens nothing more.
 * @throws Failure `not-root`
 */
export async function dropAllPrivileges(account: Account): Promise<void> {
  const libc = await loadLibc()
  become(account)
  libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
}

/** In every thread. @throws Failure `not-root` */
function become({ uid, gid }: Account): void {
  try {
    process.setgroups?.([])
    process.setgid?.(gid)
    process.setuid?.(uid)
  } catch (cause) {
    throw new Failure('not-root', `cannot give root up: ${(cause as Error).message}`, { cause })
  }
}

/** capset(2): header { version, pid }, then twice { effective, permitted, inheritable }: capabilities 0 to 31, and 32 to 63. */
function setCapabilities(libc: Libc, own: readonly number[]): number {
  const ownBits = bitsOf(own)
  return libc.capset(words(LINUX_CAPABILITY_VERSION_3, 0), words(ownBits, ownBits, bitsOf(KEPT), 0, 0, 0))
}

function bitsOf(capabilities: readonly number[]): number {
  return capabilities.reduce((sum, capability) => sum + 2 ** capability, 0)
}

/** 32-bit numbers in the machine's own order. */
function words(...numbers: number[]): Uint8Array {
  const bytes = new Uint8Array(numbers.length * 4)
  const view = new DataView(bytes.buffer)
  numbers.forEach((number, at) => view.setUint32(at * 4, number, endianness() === 'LE'))
  return bytes
}
