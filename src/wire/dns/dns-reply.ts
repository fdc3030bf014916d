/** Writes a DNS reply (RFC 1035, 4.1). All its records belong to the name of the question. */
import { COOKIE, FLAGS, HEADER_LENGTH, INTERNET, LONGEST_DATAGRAM, TYPES } from './dns.js'
import type { DnsQuery, Edns } from './dns-query.js'
import { read16, write16 } from '../ip.js'

/** What to reply. */
export interface DnsReply {
  readonly rcode: number
  /** Whether the answer is that of a server of the zone (AA). */
  readonly isAuthoritative: boolean
  readonly answers: readonly DnsRecord[]
  readonly authority: readonly DnsRecord[]
}

/** A record of the question's name, with class IN and a time to live of 0: nobody keeps it (RFC 1035, 3.2.1). */
export interface DnsRecord {
  readonly type: number
  readonly data: Uint8Array
}

/** What a client takes by UDP if it does not say (RFC 1035, 4.2.1), and the least that it can say (RFC 6891, 6.2.3). */
const SHORTEST_DATAGRAM = 512

/** Pointer to the name of the question, type, class, time to live, length. */
const RECORD_HEADER = 12

/** A pointer to the name that begins at an offset of the message (RFC 1035, 4.1.4). */
const POINTER = 0xc000

/**
 * Returns the reply to a query, with its identifier, question, RD and CD; and, if the query has it, EDNS with DO and
 * cookie. A reply of more than `limit` bytes says that it is truncated, and has no records (RFC 2181, 9).
 *
 * The cookie is sent back as it came. So a client that knows the server's part of it goes on knowing it, and one that
 * knows that the server has cookies accepts the reply (RFC 7873, 5.3).
 */
export function formatDnsReply(query: DnsQuery, reply: DnsReply, limit: number): Uint8Array {
  const whole = emit(query, reply, 0)
  return whole.length <= limit ? whole : emit(query, { ...reply, answers: [], authority: [] }, FLAGS.truncated)
}

/** Returns how many bytes a reply by UDP may have. */
export function datagramLimit({ edns }: Pick<DnsQuery, 'edns'>): number {
  return Math.min(Math.max(edns?.payloadSize ?? 0, SHORTEST_DATAGRAM), LONGEST_DATAGRAM)
}

/** Returns the bare header of a reply to any query, readable or not; `undefined` for anything but a query. */
export function formatBareReply(message: Uint8Array, rcode: number): Uint8Array | undefined {
  const flags = read16(message, 2)
  if (message.length < HEADER_LENGTH || (flags & FLAGS.response) !== 0) return undefined
  const bytes = new Uint8Array(HEADER_LENGTH)
  write16(bytes, 0, read16(message, 0))
  write16(bytes, 2, FLAGS.response | (flags & (OPCODE | FLAGS.recursionDesired | FLAGS.checkingDisabled)) | rcode)
  return bytes
}

const OPCODE = 0x7800

/** Returns the same message as a response. A server ignores a response that it has not asked for. */
export function asResponse(message: Uint8Array): Uint8Array {
  // The `slice` of a Buffer does not copy.
  const response = Uint8Array.from(message)
  write16(response, 2, read16(message, 2) | FLAGS.response)
  return response
}

/** Returns the data of a TXT record of one string, of at most 255 bytes of ASCII (RFC 1035, 3.3.14). */
export function textData(text: string): Uint8Array {
  return Uint8Array.from([text.length, ...bytesOf(text)])
}

/** Returns the data of an NS record: the name that begins at an offset of the message. */
export function pointerData(offset: number): Uint8Array {
  const data = new Uint8Array(2)
  write16(data, 0, POINTER | offset)
  return data
}

/**
 * Returns the data of an SOA record (RFC 1035, 3.3.13) whose server is the name at an offset, with `hostmaster` at the
 * same name. A negative answer is kept for 0 seconds (RFC 2308, 4).
 */
export function authorityData(offset: number): Uint8Array {
  const hostmaster = Uint8Array.from([10, ...bytesOf('hostmaster')])
  const numbers = [1, 3_600, 600, 86_400, 0]
  return Uint8Array.from([
    ...pointerData(offset),
    ...hostmaster,
    ...pointerData(offset),
    ...numbers.flatMap((number) => [number >>> 24, number >>> 16, number >>> 8, number].map((byte) => byte & 0xff)),
  ])
}

function emit(query: DnsQuery, { rcode, isAuthoritative, answers, authority }: DnsReply, flags: number): Uint8Array {
  const { id, question, edns, isRecursionDesired, isCheckingDisabled } = query
  const pieces = [question, ...[...answers, ...authority].map(emitRecord), ...(edns ? [emitEdns(edns)] : [])]
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, HEADER_LENGTH))
  write16(bytes, 0, id)
  write16(
    bytes,
    2,
    FLAGS.response |
      flags |
      (isAuthoritative ? FLAGS.authoritative : 0) |
      (isRecursionDesired ? FLAGS.recursionDesired : 0) |
      (isCheckingDisabled ? FLAGS.checkingDisabled : 0) |
      rcode,
  )
  write16(bytes, 4, 1)
  write16(bytes, 6, answers.length)
  write16(bytes, 8, authority.length)
  write16(bytes, 10, edns ? 1 : 0)
  let at = HEADER_LENGTH
  for (const piece of pieces) {
    bytes.set(piece, at)
    at += piece.length
  }
  return bytes
}

function emitRecord({ type, data }: DnsRecord): Uint8Array {
  const bytes = new Uint8Array(RECORD_HEADER + data.length)
  write16(bytes, 0, POINTER | HEADER_LENGTH)
  write16(bytes, 2, type)
  write16(bytes, 4, INTERNET)
  write16(bytes, 10, data.length)
  bytes.set(data, RECORD_HEADER)
  return bytes
}

/** Root, type, our payload size, extended rcode, version, flags, length, options (RFC 6891, 6.1.2). */
function emitEdns({ isDnssecOk, cookie }: Edns): Uint8Array {
  const options = cookie ? 4 + cookie.length : 0
  const bytes = new Uint8Array(11 + options)
  write16(bytes, 1, TYPES.OPT)
  write16(bytes, 3, LONGEST_DATAGRAM)
  if (isDnssecOk) bytes[7] = 0x80
  write16(bytes, 9, options)
  if (!cookie) return bytes
  write16(bytes, 11, COOKIE)
  write16(bytes, 13, cookie.length)
  bytes.set(cookie, 15)
  return bytes
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}
