import { CHALLENGE_PATH, type Method } from '../wire/http/http.js'
import { printableBytes } from '../wire/printable.js'
import { readHead } from './fields.js'

/** A request for a challenge whose first line is complete. Text is escaped. */
export interface RequestHead {
  readonly method: Method
  /** What follows the challenge path, whatever it is. People try it with names like `test.txt`. */
  readonly token: string
  readonly host?: string
  /** Bytes up to and including the blank line; undefined until that has come. */
  readonly length: number | undefined
}

/**
 * Reads the first bytes of a request: a challenge's, `partial` while they may become one, `other` once they cannot. It
 * is more lenient than what the responder answers.
 */
export function readRequestHead(bytes: Uint8Array): RequestHead | 'partial' | 'other' {
  const method = STARTS.find(({ start }) => start.every((byte, at) => at >= bytes.length || bytes[at] === byte))
  if (!method) return 'other'
  const head = readHead(bytes)
  if (bytes.length < method.start.length || !head) return 'partial'
  const rest = head.firstLine.subarray(method.start.length)
  const space = rest.indexOf(SPACE)
  const host = head.fields.get('host')
  const token = printableBytes(space < 0 ? rest : rest.subarray(0, space))
  return { method: method.name, token, ...(host && { host: printableBytes(host) }), length: head.end }
}

const SPACE = 0x20
const STARTS = (['GET', 'HEAD'] as const).map((name) => ({
  name,
  start: Uint8Array.from(`${name} ${CHALLENGE_PATH}`, (character) => character.charCodeAt(0)),
}))
