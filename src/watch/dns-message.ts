/** What is shown of a DNS message (RFC 1035, 4.1) that is about a challenge: a query, and the head of a response. */
import { CHALLENGE_LABEL, FLAGS, HEADER_LENGTH, TYPES } from '../wire/dns/dns.js'
import { readQuery, type DnsQuery } from '../wire/dns/dns-query.js'
import { read16 } from '../wire/ip.js'
import type { ShownDns, WatchedAnswer } from './events.js'
import { latin1 } from './fields.js'

/**
 * Returns whether the first bytes of a message may be those of a query for a name below `_acme-challenge`. Where not
 * all have come, the others may be anything.
 */
export function mayBeQuery(message: Uint8Array): boolean {
  const head = message.subarray(0, QUERY_HEAD.length)
  if (!head.every((byte, at) => (byte & (QUERY_MASK[at] ?? 0)) === QUERY_HEAD[at])) return false
  const label = message.subarray(HEADER_LENGTH, HEADER_LENGTH + WIRE_LABEL.length)
  return WIRE_LABEL.startsWith(latin1(label).toLowerCase())
}

/** Reads a query for a name below `_acme-challenge`. Returns `undefined` for anything else; see {@link readQuery}. */
export function readChallengeQuery(message: Uint8Array): DnsQuery | undefined {
  const query = mayBeQuery(message) ? readQuery(message) : undefined
  return query?.name.startsWith(`${CHALLENGE_LABEL}.`) ? query : undefined
}

/** Returns what is shown of a query. */
export function shownQuery({ name, type }: DnsQuery, transport: ShownDns['transport']): ShownDns {
  return { type: 'dns-01', transport, name, recordType: TYPE_NAMES.get(type) ?? `TYPE${type}` }
}

/**
 * Reads the header of a response to the query `id`, of which nothing else has to have come. Returns `undefined` for
 * anything else.
 */
export function readResponseHead(message: Uint8Array, id: number): WatchedAnswer | undefined {
  const flags = read16(message, 2)
  if (message.length < HEADER_LENGTH || read16(message, 0) !== id || (flags & FLAGS.response) === 0) return undefined
  const rcode = flags & 0x000f
  return {
    outcome: 'answered',
    rcode: RCODE_NAMES[rcode] ?? `RCODE${rcode}`,
    answers: read16(message, 6),
    ...((flags & FLAGS.truncated) !== 0 && { isTruncated: true }),
  }
}

/** Identifier; flags, of which RD, AD and CD may be set; one question, no answer, no authority. */
const QUERY_HEAD = [0, 0, 0, 0, 0, 1, 0, 0, 0, 0]
const QUERY_MASK = [0, 0, 0xfe, 0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]

/** The first label with its length before it. */
const WIRE_LABEL = `${String.fromCharCode(CHALLENGE_LABEL.length)}${CHALLENGE_LABEL}`

/** Types that are asked for on the way to a challenge, by people, and by resolvers that minimise names (RFC 9156). */
const TYPE_NAMES: ReadonlyMap<number, string> = new Map([
  ...Object.entries(TYPES).map(([name, number]) => [number, name] as const),
  [1, 'A'],
  [28, 'AAAA'],
  [48, 'DNSKEY'],
  [65, 'HTTPS'],
  [257, 'CAA'],
])

/** RFC 1035, 4.1.1; RFC 2136, 2.2. */
const RCODE_NAMES = 'NOERROR FORMERR SERVFAIL NXDOMAIN NOTIMP REFUSED YXDOMAIN YXRRSET NXRRSET NOTAUTH NOTZONE'.split(
  ' ',
)
