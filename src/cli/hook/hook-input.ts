import { readSync } from 'node:fs'
import { isatty } from 'node:tty'

/** More bytes than a key authorization has. */
const MOST = 4_096

/** Returns what standard input has, as text: to its end, or a little more than is useful. A terminal has nothing. */
export function readInput(): string {
  if (isatty(0)) return ''
  const bytes = Buffer.alloc(MOST)
  let length = 0
  try {
    for (let read = -1; read !== 0 && length < MOST; length += read)
      read = readSync(0, bytes, length, MOST - length, null)
  } catch {
    // It is closed, or is nothing to read from.
  }
  return bytes.toString('utf8', 0, length)
}
