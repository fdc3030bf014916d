/**
 * Gives root up for good. What is kept: CAP_NET_ADMIN for verdicts and rules, and CAP_NET_RAW for forged replies, for a
 * raw socket for each source address, and for legacy iptables. The firewall programs that are run have both too
 * (ambient, capabilities(7)). On request CAP_NET_BIND_SERVICE is kept, to serve a port that nobody listens on, for the
 * main thread alone.
 */
import { constants, endianness } from 'node:os'
import { getSystemErrorName } from 'node:util'
import { Failure, refusedRight } from '../failure.js'
import { takeFreeAccount, type Account } from './account.js'
import { loadLibc, type Libc } from './libc.js'
import { terminalFilter } from './terminal-filter.js'
import { excessOf, readThreads } from './threads.js'

const CAP_NET_BIND_SERVICE = 10
const CAP_NET_ADMIN = 12
const CAP_NET_RAW = 13
/** Passed on to programs. */
const KEPT = [CAP_NET_ADMIN, CAP_NET_RAW]

const PR_SET_DUMPABLE = 4
const PR_SET_KEEPCAPS = 8
const PR_CAPBSET_READ = 23
const PR_CAPBSET_DROP = 24
const PR_SET_NO_NEW_PRIVS = 38
const PR_CAP_AMBIENT = 47
const PR_CAP_AMBIENT_RAISE = 2
const LINUX_CAPABILITY_VERSION_3 = 0x20080522

/** One instruction of struct sock_filter: BPF_RET, SECCOMP_RET_ALLOW. */
const ALLOW_ALL = words(endianness() === 'LE' ? 0x06 : 0x06_0000, 0x7fff_0000)

/**
 * Makes this process that user's, or without one a user's that nothing else is, and returns which. Its other threads
 * lose every capability. The bounding set is this thread's alone, which does not matter without new privileges. With
 * `mayBindPorts` it may still listen on ports below 1024, if it could before.
 * @throws Failure `not-root`, `capability-missing`, `no-free-user`, `root-kept`; the process has to end then
 */
export async function dropPrivileges(named: Account | undefined, mayBindPorts = false): Promise<Account> {
  const libc = await loadLibc()
  const check = checkerOf(libc)
  const couldBindPorts = libc.prctl(PR_CAPBSET_READ, CAP_NET_BIND_SERVICE, 0, 0, 0) === 1
  const own = mayBindPorts && couldBindPorts ? [...KEPT, CAP_NET_BIND_SERVICE] : KEPT
  for (let capability = 0; libc.prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++) {
    if (!KEPT.includes(capability))
      check(libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0), 'dropping a bounding capability')
  }
  check(libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), 'keeping capabilities')
  const account = named ?? (await takeFreeAccount())
  become(libc, check, account)
  check(setCapabilities(libc, own), 'setting capabilities')
  for (const capability of KEPT)
    check(libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0), 'raising an ambient capability')
  forbidNewPrivileges(libc, check)
  checkThreads(account, own)
  return account
}

/**
 * The same, with no capability left in any thread. It is for a process that has opened what takes root and opens
 * nothing more. It is started from a shell, so it loses the right to type into that shell's terminal as well. (A
 * responder has no terminal of its own, which that takes.)
 * @throws Failure `not-root`, `capability-missing`, `no-free-user`, `root-kept`; the process has to end then
 */
export async function dropAllPrivileges(named: Account | undefined): Promise<void> {
  const libc = await loadLibc()
  const check = checkerOf(libc)
  const account = named ?? (await takeFreeAccount())
  become(libc, check, account)
  forbidNewPrivileges(libc, check)
  const { bytes, count } = terminalFilter()
  check(libc.seccompAllThreads(bytes, count), 'closing its terminal')
  checkThreads(account, [])
}

/**
 * Changes user and groups in every thread. Node's own functions are not used: a Node with a shared libuv, as
 * distributions have it, refuses them.
 */
function become(libc: Libc, check: Check, { uid, gid }: Account): void {
  check(libc.setgroups(0, new Uint8Array()), 'setgroups')
  check(libc.setresgid(gid, gid, gid), 'setresgid')
  check(libc.setresuid(uid, uid, uid), 'setresuid')
  // Makes the whole process undumpable. The kernel does so after most changes of user, but that is a setting
  // (fs.suid_dumpable).
  check(libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), 'closing it to other processes')
}

/**
 * Sets no_new_privs in every thread. Threads that were started before have it from hooks/keep. Otherwise a system call
 * filter that allows everything takes it to them (seccomp(2)).
 */
function forbidNewPrivileges(libc: Libc, check: Check): void {
  check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 'no_new_privs')
  if (readThreads().some(({ hasNoNewPrivileges }) => !hasNoNewPrivileges))
    check(libc.seccompAllThreads(ALLOW_ALL, 1), 'no_new_privs for all threads')
}

/** Looks at every thread for what was asked for. A library or a kernel may do less than it says. */
function checkThreads(account: Account, own: readonly number[]): void {
  for (const thread of readThreads()) {
    const excess = excessOf(thread, account, BigInt(bitsOf(own)))
    if (excess !== undefined)
      throw new Failure('root-kept', `cannot give root up: thread ${thread.id} (${thread.name}) ${excess}`)
  }
}

/** Throws when a call gave less than 0. */
type Check = (result: number, what: string) => void

/** Returns a check. It has to be made while this process is still root, because the failure depends on that. */
function checkerOf(libc: Libc): Check {
  const isRoot = process.geteuid?.() === 0
  return (result, what) => {
    if (result >= 0) return
    const errno = libc.errno()
    if (errno === constants.errno.EINVAL)
      throw new Failure('bad-option', '--user: this user namespace has no such user id or group id')
    throw refusedRight(`cannot give root up: ${what} failed (${getSystemErrorName(-errno)})`, isRoot)
  }
}

/**
 * capset(2): header { version, pid }, then twice { effective, permitted, inheritable }: capabilities 0 to 31, and 32 to
 * 63.
 */
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
