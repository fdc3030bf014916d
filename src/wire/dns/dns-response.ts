/** Writes a question of ours, and reads what comes back (RFC 1035, 4.1). */
import { FLAGS, HEADER_LENGTH, INTERNET, LONGEST_DATAGRAM, TYPES } from './dns.js'
import { read16, write16 } from '../ip.js'

/** A response, as far as its answers and its authority can be read. */
export interface DnsResponse {
  readonly id: number
  readonly rcode: number
  readonly isAuthoritative: boolean
  readonly answers: readonly ResponseRecord[]
  readonly authority: readonly ResponseRecord[]
}

/** A record of a response. */
export interface ResponseRecord {
  /** In lower case, without a dot at the end; the root is empty. */
  readonly name: string
  readonly type: number
  /** The name that an NS or CNAME record leads to. */
  readonly target: string | undefined
}

/** A question of ours. */
export interface DnsQuestion {
  readonly id: number
  /** Of labels of 1 to 63 bytes of ASCII. */
  readonly name: string
  readonly type: number
  /** Whether a resolver is asked, and not a server of the zone. */
  readonly isRecursionDesired: boolean
}

/** The bits of the rcode in the second word of the header. */
const RCODE = 0x000f
/** More pointers than a name has labels are a loop. */
const MOST_POINTERS = 128
/** The two bits that make a length a pointer (RFC 1035, 4.1.4). */
const POINTER = 0xc0
/** Type, class, time to live and length, after the name of a record. */
const AFTER_NAME = 10

/** Returns the message, with EDNS so that long answers come by UDP. */
export function formatQuestion({ id, name, type, isRecursionDesired }: DnsQuestion): Uint8Array {
  const labels = name === '' ? [] : name.split('.')
  const question = [
    ...labels.flatMap((label) => [label.length, ...Array.from(label, (letter) => letter.charCodeAt(0))]),
    0,
    0,
    0,
    0,
    0,
  ]
  const bytes = new Uint8Array(HEADER_LENGTH + question.length + 11)
  write16(bytes, 0, id)
  write16(bytes, 2, isRecursionDesired ? FLAGS.recursionDesired : 0)
  write16(bytes, 4, 1)
  write16(bytes, 10, 1)
  bytes.set(question, HEADER_LENGTH)
  const end = HEADER_LENGTH + question.length
  write16(bytes, end - 4, type)
  write16(bytes, end - 2, INTERNET)
  write16(bytes, end + 1, TYPES.OPT)
  write16(bytes, end + 3, LONGEST_DATAGRAM)
  return bytes
}

/** Reads a message. Returns `undefined` for what is no response with one question, or is malformed. Never throws. */
export function readResponse(bytes: Uint8Array): DnsResponse | undefined {
  const flags = read16(bytes, 2)
  if (bytes.length < HEADER_LENGTH || (flags & FLAGS.response) === 0 || read16(bytes, 4) !== 1) return undefined
  const question = readName(bytes, HEADER_LENGTH)
  if (!question) return undefined
  const answers = readRecords(bytes, question.end + 4, read16(bytes, 6))
  const authority = answers && readRecords(bytes, answers.end, read16(bytes, 8))
  if (!authority) return undefined
  return {
    id: read16(bytes, 0),
    rcode: flags & RCODE,
    isAuthoritative: (flags & FLAGS.authoritative) !== 0,
    answers: answers.records,
    authority: authority.records,
  }
}

function readRecords(
  bytes: Uint8Array,
  start: number,
  count: number,
): { readonly records: readonly ResponseRecord[]; readonly end: number } | undefined {
  const records: ResponseRecord[] = []
  let at = start
  for (let left = count; left > 0; left--) {
    const name = readName(bytes, at)
    if (!name || name.end + AFTER_NAME > bytes.length) return undefined
    const type = read16(bytes, name.end)
    const data = name.end + AFTER_NAME
    at = data + read16(bytes, data - 2)
    if (at > bytes.length) return undefined
    const target = type === TYPES.NS || type === TYPES.CNAME ? readName(bytes, data) : undefined
    records.push({ name: name.text, type, target: target?.text })
  }
  return { records, end: at }
}

/** Reads a name, which may end in a pointer to an earlier one. `end` is what follows it here. */
function readName(bytes: Uint8Array, start: number): { readonly text: string; readonly end: number } | undefined {
  const labels: string[] = []
  let end: number | undefined
  let pointers = 0
  for (let at = start; at < bytes.length;) {
    const length = bytes[at] ?? 0
    if (length === 0) return { text: labels.join('.'), end: end ?? at + 1 }
    if (length >= POINTER) {
      end ??= at + 2
      at = read16(bytes, at) & 0x3fff
      if (++pointers > MOST_POINTERS) return undefined
    } else {
      if (length > 63 || labels.length > MOST_POINTERS) return undefined
      labels.push(String.fromCharCode(...bytes.subarray(at + 1, at + 1 + length)).toLowerCase())
      at += 1 + length
    }
  }
  return undefined
}
