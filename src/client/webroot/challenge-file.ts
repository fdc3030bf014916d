/**
 * Reads what an ACME client writes into a webroot: a file that is named by its token and contains the key
 * authorization. The directory may belong to somebody else, so nothing in it is trusted: no link is followed, nothing
 * but an ordinary file is opened, and little is read. What is read goes nowhere unless it is a key authorization.
 */
import { closeSync, constants, fstatSync, openSync, readSync, type BigIntStats } from 'node:fs'
import { isKeyAuthorization, isToken, type Challenge } from '../../challenge/challenge.js'

/** Why a file is not armed. `name`: it is not named by a token. `stale`: it has been there for the time to live. */
export type Refusal = 'name' | 'link' | 'kind' | 'size' | 'content' | 'denied' | 'stale' | 'count'

/** What a name in the directory is. `unfinished`: so far it contains nothing, or the start of a key authorization. */
export type FileReading =
  | { readonly state: 'gone' }
  | { readonly state: 'unfinished' }
  | { readonly state: 'refused'; readonly reason: Refusal }
  | {
      readonly state: 'complete'
      readonly keyAuthorization: string
      /** Differs when the file is another one, or was written again. */
      readonly version: string
    }

/** open(2): a descriptor that only stands for a file. Making one has no effect on a device or a FIFO. */
const O_PATH = 0o10000000

/** The longest key authorization, and some white space. */
const MAX_SIZE = 512

/** SHA-256 in base64url. */
const THUMBPRINT_LENGTH = 43

/** Reads the file with this name. `directory` is an open descriptor; a name that is not a token is refused unseen. */
export function readChallengeFile(directory: number, name: string): FileReading {
  if (!isToken(name)) return { state: 'refused', reason: 'name' }
  try {
    return withEntry(directory, name, (entry) => readEntry(entry, name))
  } catch (error) {
    return ['ENOENT', 'ENOTDIR'].includes(String((error as NodeJS.ErrnoException).code))
      ? { state: 'gone' }
      : { state: 'refused', reason: 'denied' }
  }
}

/**
 * Opens a name in an open directory for a look, a link as itself, and passes the descriptor on. It is closed
 * afterwards.
 * @throws the error of open(2)
 */
export function withEntry<Result>(directory: number, name: string, look: (entry: number) => Result): Result {
  const entry = openEntry(directory, name)
  try {
    return look(entry)
  } finally {
    closeSync(entry)
  }
}

/** The same without closing it. @throws the error of open(2) */
export function openEntry(directory: number, name: string): number {
  return openSync(`/proc/self/fd/${directory}/${name}`, O_PATH | constants.O_NOFOLLOW)
}

function readEntry(entry: number, token: Challenge['token']): FileReading {
  const found = fstatSync(entry, { bigint: true })
  if (found.isSymbolicLink()) return { state: 'refused', reason: 'link' }
  if (!found.isFile()) return { state: 'refused', reason: 'kind' }
  if (found.size > MAX_SIZE) return { state: 'refused', reason: 'size' }
  const text = readText(entry)
  if (text === undefined) return { state: 'refused', reason: 'size' }
  const judgement = judgeContent(token, text)
  if (judgement === 'unfinished') return { state: 'unfinished' }
  if (judgement === 'none') return { state: 'refused', reason: 'content' }
  return { state: 'complete', keyAuthorization: judgement.keyAuthorization, version: versionOf(found) }
}

/** Returns the text of the file behind the descriptor; `undefined` when it has grown too long. */
function readText(entry: number): string | undefined {
  // It is certainly the file that was looked at. O_NONBLOCK: its owner may hold a lease (fcntl(2)), for which others
  // would wait.
  const file = openSync(`/proc/self/fd/${entry}`, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  try {
    const bytes = Buffer.alloc(MAX_SIZE + 1)
    const length = readSync(file, bytes, 0, bytes.length, 0)
    return length > MAX_SIZE ? undefined : bytes.toString('latin1', 0, length)
  } finally {
    closeSync(file)
  }
}

/**
 * Returns the key authorization that a text is, the token, a dot and a thumbprint of SHA-256, without white space after
 * it (which RFC 8555, 8.3 has the CA ignore). A start of one is `unfinished`, anything else `none`.
 */
export function judgeContent(token: string, text: string): { keyAuthorization: string } | 'unfinished' | 'none' {
  const keyAuthorization = text.replace(/[ \t\r\n]+$/, '')
  const length = token.length + 1 + THUMBPRINT_LENGTH
  if (keyAuthorization.length === length && isKeyAuthorization(keyAuthorization, token)) return { keyAuthorization }
  const isStart = text.length < length && (`${token}.`.startsWith(text) || isKeyAuthorization(text, token))
  return isStart ? 'unfinished' : 'none'
}

/** Whoever may write a file cannot set its time of change. */
function versionOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ')
}
