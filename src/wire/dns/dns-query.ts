/** Reads a DNS query (RFC 1035, 4.1), in so far as it can be for a challenge. */
import { COOKIE, FLAGS, HEADER_LENGTH, INTERNET, TYPES } from './dns.js'
import { read16 } from '../ip.js'

/** A query with one question, of class IN. */
export interface DnsQuery {
  readonly id: number
  readonly isRecursionDesired: boolean
  readonly isCheckingDisabled: boolean
  /**
   * The question as it came: name, type and class. Resolvers mix the case of its letters, and look whether it stays.
   */
  readonly question: Uint8Array
  /** Its name in lower case, without a dot at the end. */
  readonly name: string
  readonly type: number
  /** What the client says of itself (RFC 6891); nothing if it does not. */
  readonly edns?: Edns
}

/** The client's side of EDNS, version 0. */
export interface Edns {
  /** Bytes of the longest datagram that it takes. */
  readonly payloadSize: number
  readonly isDnssecOk: boolean
  /** Its cookie (RFC 7873, 4): 8 bytes of its own, and perhaps 8 to 32 that the server has given it. */
  readonly cookie?: Uint8Array
}

/** The second word of the header: what has to be zero in a query. RD, AD and CD may be anything. */
const UNWANTED_FLAGS = 0xffff & ~(FLAGS.recursionDesired | FLAGS.authenticData | FLAGS.checkingDisabled)

/** Bytes of a name, lengths of labels included (RFC 1035, 2.3.4). */
const LONGEST_NAME = 255
const LONGEST_LABEL = 63

/** An OPT record without options: root, type, payload size, extended rcode, version, flags, length. */
const OPT_LENGTH = 11
const DNSSEC_OK = 0x8000

/** Lengths of a cookie without, and with, the server's part (RFC 7873, 4). */
const CLIENT_COOKIE = 8
const [SHORTEST_COOKIE, LONGEST_COOKIE] = [16, 40]

/**
 * Reads a message. Returns `undefined` for anything but a query with one question of class IN, and at most an OPT
 * record of version 0 after it. Also for a name with other characters than letters, digits, `-` and `_`, for a name
 * that is compressed, and for bytes after the end. Never throws.
 */
export function readQuery(bytes: Uint8Array): DnsQuery | undefined {
  const flags = read16(bytes, 2)
  if (bytes.length < HEADER_LENGTH || (flags & UNWANTED_FLAGS) !== 0) return undefined
  if (read16(bytes, 4) !== 1 || read16(bytes, 6) !== 0 || read16(bytes, 8) !== 0) return undefined
  const name = readName(bytes, HEADER_LENGTH)
  if (!name) return undefined
  const end = name.end + 4
  if (end > bytes.length || read16(bytes, name.end + 2) !== INTERNET) return undefined
  const edns = readAdditional(bytes.subarray(end), read16(bytes, 10))
  if (edns === 'other') return undefined
  return {
    id: read16(bytes, 0),
    isRecursionDesired: (flags & FLAGS.recursionDesired) !== 0,
    isCheckingDisabled: (flags & FLAGS.checkingDisabled) !== 0,
    question: bytes.subarray(HEADER_LENGTH, end),
    name: name.text,
    type: read16(bytes, name.end),
    ...(edns && { edns }),
  }
}

/** Reads labels, each with its length before it, up to the empty one. A pointer has a length above 63. */
function readName(bytes: Uint8Array, start: number): { readonly text: string; readonly end: number } | undefined {
  const labels: string[] = []
  for (let at = start; at < bytes.length && at - start < LONGEST_NAME;) {
    const length = bytes[at] ?? 0
    at++
    if (length === 0) return { text: labels.join('.'), end: at }
    const label = bytes.subarray(at, at + length)
    if (length > LONGEST_LABEL || !label.every(isNameByte)) return undefined
    labels.push(String.fromCharCode(...label).toLowerCase())
    at += length
  }
  return undefined
}

function isNameByte(byte: number): boolean {
  const isLetter = (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a)
  return isLetter || (byte >= 0x30 && byte <= 0x39) || byte === 0x2d || byte === 0x5f
}

/** Reads what comes after the question: nothing, or one OPT record (RFC 6891, 6.1). Anything else is `other`. */
function readAdditional(bytes: Uint8Array, records: number): Edns | undefined | 'other' {
  if (records === 0) return bytes.length === 0 ? undefined : 'other'
  if (records !== 1 || bytes.length < OPT_LENGTH) return 'other'
  const [root, version] = [bytes[0], bytes[6]]
  if (root !== 0 || read16(bytes, 1) !== TYPES.OPT || version !== 0) return 'other'
  if (read16(bytes, 9) !== bytes.length - OPT_LENGTH) return 'other'
  const cookie = findCookie(bytes.subarray(OPT_LENGTH))
  if (cookie === 'other') return 'other'
  const isDnssecOk = (read16(bytes, 7) & DNSSEC_OK) !== 0
  return { payloadSize: read16(bytes, 3), isDnssecOk, ...(cookie && { cookie }) }
}

/** Finds the first cookie among options of code, length, data. Options or a cookie of a wrong length are `other`. */
function findCookie(options: Uint8Array): Uint8Array | undefined | 'other' {
  let cookie: Uint8Array | undefined
  for (let at = 0; at < options.length;) {
    const end = at + 4 + read16(options, at + 2)
    if (at + 4 > options.length || end > options.length) return 'other'
    if (read16(options, at) === COOKIE) cookie ??= options.subarray(at + 4, end)
    at = end
  }
  return cookie && !isCookieLength(cookie.length) ? 'other' : cookie
}

function isCookieLength(length: number): boolean {
  return length === CLIENT_COOKIE || (length >= SHORTEST_COOKIE && length <= LONGEST_COOKIE)
}
