/**
 * What queries and replies of the DNS have in common (RFC 1035, 4.1). A message begins with a header of 12 bytes:
 *
 *     0  identifier                                     4  questions, answers: how many
 *     2  QR, opcode, AA, TC, RD; RA, Z, AD, CD, rcode   8  authority, additional records: how many
 *
 * Then come the questions (name, type, class) and the records (name, type, class, time to live, length, data).
 */

/** Bytes of the header. The question begins there. */
export const HEADER_LENGTH = 12

/** The first label of the names that validators ask for (RFC 8555, 8.4). The name that is validated follows. */
export const CHALLENGE_LABEL = '_acme-challenge'

/** Bits of the second word of the header (RFC 1035, 4.1.1; RFC 4035, 3). */
export const FLAGS = {
  response: 0x8000,
  authoritative: 0x0400,
  truncated: 0x0200,
  recursionDesired: 0x0100,
  authenticData: 0x0020,
  checkingDisabled: 0x0010,
} as const

/** Types of records that this program knows by name. */
export const TYPES = { NS: 2, CNAME: 5, SOA: 6, TXT: 16, OPT: 41, DS: 43, ANY: 255 } as const

/** The class of the Internet, IN. */
export const INTERNET = 1

/** Response codes (RFC 1035, 4.1.1). */
export const RCODES = { noError: 0, refused: 5 } as const

/** The longest datagram that we send or say we take: it is fragmented on no path that we know (RFC 9715, 3). */
export const LONGEST_DATAGRAM = 1_232

/** The number of the cookie option (RFC 7873, 4). */
export const COOKIE = 10
