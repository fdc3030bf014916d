/**
 * What becomes of challenges whose responder ends before their cleanup hooks come. The responder writes into its lock
 * file what is armed. Whoever clears up after it makes a note of each such challenge in the run directory. The cleanup
 * hook says what the note says, and removes it.
 */
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { isToken } from '../challenge/challenge.js'
import { removeRunDirectory, type RunDirectory } from './run-directory.js'

/**
 * How a challenge was lost. `expired`: its time to live was over. Otherwise it is how the responder ended: `killed` by
 * a signal, `hung` (its keeper has ended it), `failed`, or `gone`, together with its keeper.
 */
export type LossKind = (typeof LOSS_KINDS)[number]

const LOSS_KINDS = ['expired', 'killed', 'hung', 'failed', 'gone'] as const

/** How a responder has ended. */
export interface ResponderEnd {
  readonly kind: Exclude<LossKind, 'expired'>
  /** The signal of `killed`, or the exit status of `failed`. */
  readonly number?: number
}

/** A challenge that was lost. */
export interface Loss {
  readonly kind: LossKind
  /** The process id of the responder; 0 if it is not known. */
  readonly pid: number
  /** As in a {@link ResponderEnd}; 0 if there is none. */
  readonly number: number
}

/** What a responder writes into its lock file. */
export interface LockRecord {
  /** The netlink port id of its queue, for its keeper; its process id where that is not known. */
  readonly port: number
  readonly pid: number
  /** The tokens that are armed. */
  readonly armed: readonly string[]
  /** The tokens whose time to live was over before they were answered or disarmed. */
  readonly expired: readonly string[]
}

/** Returns the text of a lock file, without its last line end. Its first line is the port, which hooks/keep reads. */
export function formatLockRecord({ port, pid, armed, expired }: LockRecord): string {
  return [port, pid, ...armed, ...expired.map((token) => `${token} expired`)].join('\n')
}

/** The most tokens that are read: armed ones and expired ones. */
const MAX_TOKENS = 2_000

/** Reads a lock file. A process without rights wrote it, so anything may be in it. What is malformed is left out. */
export function parseLockRecord(text: string): LockRecord {
  const [port, pid, ...lines] = text.split('\n', MAX_TOKENS + 2)
  const words = lines.map((line) => line.split(' ')).filter(([token = '']) => isToken(token))
  const tokensWith = (mark: string | undefined) =>
    words.flatMap(([token = '', second]) => (second === mark ? [token] : []))
  return {
    port: wholeNumber(port),
    pid: wholeNumber(pid),
    armed: tokensWith(undefined),
    expired: tokensWith('expired'),
  }
}

/**
 * Returns how a responder has ended, by the exit status that a shell has of it: 128 and the number, if it was a signal.
 * `gone` if there is no status.
 */
export function endByStatus(text = ''): ResponderEnd {
  const status = wholeNumber(text)
  if (status === 0) return { kind: 'gone' }
  if (status <= 128) return { kind: 'failed', number: status }
  const number = status - 128
  return { kind: FAULTS.includes(number) ? 'failed' : 'killed', number: FAULTS.includes(number) ? status : number }
}

/** SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS (signal(7)): what a process does to itself. */
const FAULTS = [4, 5, 6, 7, 8, 11, 31]

/**
 * Notes what the dead responder's lock file names. To be called with the lock held, before the file is removed. Where
 * no note can be written there is none.
 */
export function noteLosses(directory: RunDirectory, { kind, number = 0 }: ResponderEnd): void {
  const { pid, armed, expired } = readLockRecord(directory)
  for (const token of armed) note(directory, token, { kind, pid, number })
  for (const token of expired) note(directory, token, { kind: 'expired', pid, number: 0 })
}

/** Bytes that are read of a lock file: {@link MAX_TOKENS} tokens of Let's Encrypt with a mark, and more. */
const MAX_LOCK_FILE = 256 * 1024

function readLockRecord({ lock }: RunDirectory): LockRecord {
  try {
    const fd = openSync(lock, 'r')
    const bytes = Buffer.alloc(MAX_LOCK_FILE)
    const length = readSync(fd, bytes, 0, MAX_LOCK_FILE, 0)
    closeSync(fd)
    return parseLockRecord(bytes.toString('latin1', 0, length))
  } catch {
    return parseLockRecord('')
  }
}

function note(directory: RunDirectory, token: string, { kind, pid, number }: Loss): void {
  try {
    writeFileSync(pathOf(directory, token), `${kind} ${pid} ${number}\n`, { mode: 0o600 })
  } catch {
    // No room, or the directory is gone.
  }
}

/** Returns the note about a token, if there is one, and removes it, with the directory if that was the last file. */
export function takeLoss(directory: RunDirectory, token: string): Loss | undefined {
  const path = pathOf(directory, token)
  let text
  try {
    text = readFileSync(path, 'latin1')
    unlinkSync(path)
  } catch {
    // There is none, or it cannot be removed.
  }
  if (text === undefined) return undefined
  removeRunDirectory(directory)
  const [word, pid, number] = text.trim().split(' ')
  const kind = LOSS_KINDS.find((known) => known === word)
  return kind && { kind, pid: wholeNumber(pid), number: wholeNumber(number) }
}

/** Removes the note about a token, if there is one. */
export function forgetLoss(directory: RunDirectory, token: string): void {
  try {
    unlinkSync(pathOf(directory, token))
  } catch {
    // There is none.
  }
}

/** Removes the notes that are older than this many milliseconds: no cleanup hook has come for them. */
export function forgetLosses(directory: RunDirectory, age = 0): void {
  try {
    for (const name of readdirSync(directory.path)) {
      const path = join(directory.path, name)
      if (name.startsWith(PREFIX) && Date.now() - statSync(path).mtimeMs >= age) rmSync(path, { force: true })
    }
  } catch {
    // There is no directory, or it is somebody else's.
  }
}

const PREFIX = 'lost-'

function pathOf({ path }: RunDirectory, token: string): string {
  return join(path, PREFIX + token)
}

function wholeNumber(text = ''): number {
  return /^\d{1,10}$/.test(text) ? Number(text) : 0
}
