/** The selectors of dns-01 (RFC 8555, 8.4): queries for `_acme-challenge.NAME`, by UDP and by TCP. */
import { CHALLENGE_LABEL, HEADER_LENGTH } from '../../wire/dns/dns.js'
import { KEY_LENGTH, type Selector, type Start } from '../../wire/selector.js'
import { wireName } from './names.js'

/** Over TCP a message has its length before it (RFC 1035, 4.2.2). */
export const LENGTH_BYTES = 2

/** The longest query that is answered over TCP. One for the longest name, with EDNS and a cookie, has 330 bytes. */
export const LONGEST_QUERY = 511

/** A shorter key is none. No name on the Internet is that short: a top-level domain has two letters or more. */
const SHORTEST_KEY = 4

/** The bits of a letter that do not depend on its case. What else differs in the other bit is no part of a name. */
const ANY_CASE = 0xdf

/** The first label of the name, with its length. */
const LABEL = wireName(CHALLENGE_LABEL).subarray(0, -1)
const LABEL_MASK = LABEL.map((byte) => (isLetter(byte) ? ANY_CASE : 0xff))

/** A datagram: the label at the place of the first question. */
const DATAGRAM_START: Start = { offset: HEADER_LENGTH, bytes: LABEL, mask: LABEL_MASK }

/**
 * A stream: a length of up to {@link LONGEST_QUERY}, and the header of a query (see wire/dns/dns.ts) with one question
 * and at most one additional record, which may have RD, AD and CD. The label follows. So a payload that ends early
 * looks like a query from its first byte on, and no other stream is held back for it.
 */
export const STREAM_START: Start = {
  offset: 0,
  bytes: Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...LABEL]),
  mask: Uint8Array.from([0xfe, 0, 0, 0, 0xfe, 0xcf, 255, 255, 255, 255, 255, 255, 255, 0xfe, ...LABEL_MASK]),
}

/**
 * Returns selectors for queries on these ports for these names, which begin with the label. A key is the part of a name
 * after it, cut to what the shortest one has, so that all keys are of one length.
 */
export function dns01Selectors(ports: readonly number[], names: readonly string[]): Selector[] {
  const rests = names.map((name) => wireName(name).subarray(LABEL.length))
  const length = Math.min(KEY_LENGTH, ...rests.map(({ length }) => length))
  const cut = new Map(rests.map((rest) => [String(rest.subarray(0, length)), rest.subarray(0, length)]))
  const keys = length < SHORTEST_KEY ? ('any' as const) : [...cut.values()]
  const shared = { ports, keys, keyMask: ANY_CASE }
  return [
    { transport: 'udp', starts: [DATAGRAM_START], ...shared },
    { transport: 'tcp', starts: [STREAM_START], ...shared },
  ]
}

function isLetter(byte: number): boolean {
  return byte >= 0x61 && byte <= 0x7a
}
