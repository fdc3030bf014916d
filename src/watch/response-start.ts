import type { Method } from '../wire/http/http.js'
import { latin1, readHead, type Head } from './fields.js'

/** The first part of an HTTP response, at least its status line. Bytes are as they came. */
export interface ResponseStart {
  readonly status: number
  readonly reason: Uint8Array
  readonly location?: Uint8Array
  readonly contentType?: Uint8Array
  readonly contentEncoding?: Uint8Array
  /** The first bytes of the body without chunk sizes, at most as many as asked for. */
  readonly body: Uint8Array
  /** Whether further bytes would change nothing that is shown. */
  readonly isEnough: boolean
}

/**
 * Reads the first bytes of a response to `method`. `partial` while they may become a status line, `not-http` once they
 * cannot. Interim responses (RFC 9110, 15.2) before it are skipped.
 */
export function readResponseStart(
  bytes: Uint8Array,
  method: Method,
  bodyBytes: number,
): ResponseStart | 'partial' | 'not-http' {
  for (let at = 0; at < Math.min(bytes.length, START.length); at++)
    if (bytes[at] !== START.charCodeAt(at)) return 'not-http'
  const head = readHead(bytes)
  if (!head) return bytes.length > LONGEST_STATUS_LINE ? 'not-http' : 'partial'
  const [, digits] = /^HTTP\/\d(?:\.\d)? +(\d{3})(?: |$)/.exec(latin1(head.firstLine)) ?? []
  if (digits === undefined) return 'not-http'
  const status = Number(digits)
  // 101 is final: from there on the connection uses another protocol.
  if (status < 200 && status !== 101)
    return head.end === undefined ? 'partial' : readResponseStart(bytes.subarray(head.end), method, bodyBytes)
  return { status, reason: reasonOf(head), ...shownFields(head), ...bodyOf(bytes, head, status, method, bodyBytes) }
}

function reasonOf({ firstLine }: Head): Uint8Array {
  const second = firstLine.indexOf(SPACE, firstLine.indexOf(SPACE) + 4)
  return second < 0 ? firstLine.subarray(0, 0) : firstLine.subarray(second + 1)
}

function shownFields({ fields }: Head): Pick<ResponseStart, 'location' | 'contentType' | 'contentEncoding'> {
  const [location, contentType, contentEncoding] = ['location', 'content-type', 'content-encoding'].map((name) =>
    fields.get(name),
  )
  return {
    ...(location && { location }),
    ...(contentType && { contentType }),
    ...(contentEncoding && { contentEncoding }),
  }
}

function bodyOf(
  bytes: Uint8Array,
  head: Head,
  status: number,
  method: Method,
  most: number,
): Pick<ResponseStart, 'body' | 'isEnough'> {
  if (head.end === undefined) return { body: bytes.subarray(0, 0), isEnough: false }
  const field = (name: string) => latin1(head.fields.get(name) ?? new Uint8Array()).toLowerCase()
  const hasNone = method === 'HEAD' || status === 204 || status === 304
  if (hasNone) return { body: bytes.subarray(0, 0), isEnough: true }
  const rest = bytes.subarray(head.end)
  if (field('transfer-encoding').includes('chunked')) return unchunk(rest, most)
  const length = /^\d{1,15}$/.test(field('content-length')) ? Number(field('content-length')) : Infinity
  const wanted = Math.min(length, most)
  return { body: rest.subarray(0, wanted), isEnough: rest.length >= wanted }
}

/**
 * Removes the chunk sizes from a chunked body (RFC 9112, 7.1), as far as it has come. What is not a chunk ends the
 * body.
 */
function unchunk(bytes: Uint8Array, most: number): Pick<ResponseStart, 'body' | 'isEnough'> {
  const body: number[] = []
  let at = 0
  while (body.length < most) {
    const lineFeed = bytes.indexOf(LF, at)
    if (lineFeed < 0) return { body: Uint8Array.from(body), isEnough: bytes.length - at > LONGEST_CHUNK_LINE }
    const size = parseInt(latin1(bytes.subarray(at, Math.min(lineFeed, at + 9))), 16)
    if (!(size > 0)) return { body: Uint8Array.from(body), isEnough: true }
    const wanted = Math.min(size, most - body.length)
    const chunk = bytes.subarray(lineFeed + 1, lineFeed + 1 + wanted)
    body.push(...chunk)
    if (chunk.length < wanted) break
    at = lineFeed + 1 + size + 2
  }
  return { body: Uint8Array.from(body), isEnough: body.length >= most }
}

const START = 'HTTP/'
const SPACE = 0x20
const LF = 0x0a
const LONGEST_STATUS_LINE = 1_024
const LONGEST_CHUNK_LINE = 256
