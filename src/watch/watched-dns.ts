import { HEADER_LENGTH } from '../wire/dns/dns.js'
import { read16 } from '../wire/ip.js'
import { printableBytes } from '../wire/printable.js'
import { mayBeQuery, readChallengeQuery, readResponseHead, shownQuery } from './dns-message.js'
import type { WatchedAnswer } from './events.js'
import type { Protocol } from './protocol.js'

/**
 * DNS over TCP (RFC 7766): messages with their length before them. A query is seen where a segment begins with it, not
 * behind another one in the same segment.
 */
export const watchedDns: Protocol = {
  mostBytes: () => LENGTH_BYTES + LONGEST_QUERY,
  read: (stream) => {
    const length = read16(stream, 0)
    const message = stream.subarray(LENGTH_BYTES, LENGTH_BYTES + length)
    if (length > LONGEST_QUERY || !mayBeQuery(message)) return 'other'
    if (stream.length < LENGTH_BYTES || message.length < length) return 'partial'
    const query = readChallengeQuery(message)
    if (!query) return 'other'
    return {
      shown: shownQuery(query, 'tcp'),
      length: LENGTH_BYTES + length,
      readAnswer: (bytes, bodyBytes) => {
        const answer = findResponse(bytes, query.id)
        if (answer) return { answer, isEnough: true }
        return { answer: { outcome: 'not-dns', body: printableBytes(bytes.subarray(0, bodyBytes)) }, isEnough: false }
      },
    }
  },
}

/** Finds the response to a query among those of the connection. They may come in any order. */
function findResponse(stream: Uint8Array, id: number): WatchedAnswer | undefined {
  for (let at = 0; at + LENGTH_BYTES + HEADER_LENGTH <= stream.length;) {
    const start = at + LENGTH_BYTES
    at = start + read16(stream, at)
    const answer = readResponseHead(stream.subarray(start, at), id)
    if (answer) return answer
  }
  return undefined
}

const LENGTH_BYTES = 2
/** No query for a challenge is longer: a name of 255 bytes, a cookie, and padding (RFC 8467). */
const LONGEST_QUERY = 1_023
