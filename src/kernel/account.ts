/**
 * The user that a process becomes when it gives root up. Unless one was named, it is a user that nothing else on this
 * machine is, because processes of one user may send each other signals.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'
import { Failure, refusedRight } from '../failure.js'
import { loadLibc } from './libc.js'

/** A user as the kernel knows it. */
export interface Account {
  readonly uid: number
  readonly gid: number
}

/** The user that the Debian package makes. */
const PACKAGE_USER = 'certbot-nfq'

/** The ids that systemd assigns for DynamicUser= (systemd.io/UIDS-GIDS), and the directory where it notes them. */
const DYNAMIC_RANGE = { from: 61_184, to: 65_519 }
const SYSTEMD_NOTES = '/run/systemd/dynamic-uid'

/** Users that a user namespace does not map have this id in it. */
const OVERFLOW_ID = 65_534

/** Tries at a free id. Most of them cost a look at all processes. */
const TRIES = 200

/** From the first to the last, both included. */
export interface IdRange {
  readonly from: number
  readonly to: number
}

/**
 * Looks up a name or number in /etc/passwd.
 * @throws Failure `bad-option`
 */
export function findAccount(user: string): Account {
  const account = accountIn(readFileSync('/etc/passwd', 'utf8'), user)
  if (!account) throw new Failure('bad-option', `--user: there is no user ${JSON.stringify(user)} in /etc/passwd`)
  return account
}

/**
 * Takes a user that no process is: the package's own, or else an id without a name. When it resolves, this process has
 * that real user id; the effective one is still root's. Users of a directory service are known by their processes only.
 * @throws Failure `no-free-user`, `not-root`, `capability-missing`
 */
export async function takeFreeAccount(): Promise<Account> {
  const libc = await loadLibc()
  for (const account of candidates()) {
    const isTaken = libc.setresuid(account.uid, 0, 0) === 0
    // A user namespace may not map the package's user.
    if (!isTaken && libc.errno() !== constants.errno.EINVAL)
      throw refusedRight(`cannot give root up: setresuid failed (${getSystemErrorName(-libc.errno())})`)
    // The id is taken first, and other users of it are looked for afterwards. Of two processes that take one id at the
    // same time, at least one sees the other.
    if (isTaken && !idsOfOthers().has(account.uid)) return account
  }
  throw new Failure('no-free-user', 'cannot give root up: there is no user id here that nothing else uses')
}

/** Yields the package's user, then ids without a name. */
function* candidates(): Generator<Account> {
  const [passwd, group] = [readIfThere('/etc/passwd'), readIfThere('/etc/group')]
  const own = accountIn(passwd, PACKAGE_USER)
  if (own && own.uid !== 0) yield own
  const named = new Set(
    [
      ...passwd.split('\n').flatMap((line) => line.split(':').slice(2, 4)),
      ...group.split('\n').map((line) => line.split(':')[2]),
    ].map(Number),
  )
  const ranges = usableRanges(readIfThere('/proc/self/uid_map'), readIfThere('/proc/self/gid_map'))
  for (let tries = 0; tries < TRIES; tries++) {
    // At random, not by a hash as systemd does it. Nothing of ours outlives its process and needs the same id again.
    // And responders in containers, which do not see each other's processes, would all choose the same one.
    const range = ranges[Math.floor(Math.random() * ranges.length)]
    if (!range) return
    const id = range.from + Math.floor(Math.random() * (range.to - range.from + 1))
    if (!named.has(id) && !existsSync(`${SYSTEMD_NOTES}/${id}`)) yield { uid: id, gid: id }
  }
}

/**
 * Returns the ids to choose from: systemd's dynamic ones, or all others when this user namespace does not map those. It
 * takes the text of uid_map and gid_map (user_namespaces(7)), lines of first id inside, first id outside, count.
 */
export function usableRanges(uidMap: string, gidMap: string): IdRange[] {
  const mapped = intersect(rangesOf(uidMap), rangesOf(gidMap))
  const dynamic = intersect(mapped, [DYNAMIC_RANGE])
  return dynamic.length > 0
    ? dynamic
    : intersect(mapped, [
        { from: 1, to: OVERFLOW_ID - 1 },
        { from: OVERFLOW_ID + 1, to: 2 ** 31 - 1 },
      ])
}

function rangesOf(map: string): IdRange[] {
  const lines = map
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
  return lines.flatMap(([from = 0, , count = 0]) => (count > 0 ? [{ from, to: from + count - 1 }] : []))
}

function intersect(some: readonly IdRange[], others: readonly IdRange[]): IdRange[] {
  const pairs = some.flatMap((one) =>
    others.map((other) => ({ from: Math.max(one.from, other.from), to: Math.min(one.to, other.to) })),
  )
  return pairs.filter(({ from, to }) => from <= to)
}

/** Returns the user and group ids of all other processes. */
function idsOfOthers(): Set<number> {
  const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
  const lines = processes.flatMap((pid) => readIfThere(`/proc/${pid}/status`).match(/^(Uid|Gid|Groups):.*$/gm) ?? [])
  return new Set(lines.flatMap((line) => (line.match(/\d+/g) ?? []).map(Number)))
}

function accountIn(passwd: string, user: string): Account | undefined {
  const entry = passwd
    .split('\n')
    .map((line) => line.split(':'))
    .find(([name, , uid]) => name === user || uid === user)
  return entry && { uid: Number(entry[2]), gid: Number(entry[3]) }
}

/** Returns the text, or an empty one when it cannot be read: the process may have ended. */
function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}
