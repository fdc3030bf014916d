/** dns-01 (RFC 8555, 8.4) over a TCP connection that was taken over: queries come in, each gets a reply. */
import type { Answer, Connection, Conversation, Recognition, Service } from '../../intercept/service.js'
import { CHALLENGE_LABEL } from '../../wire/dns/dns.js'
import { readQuery, type DnsQuery } from '../../wire/dns/dns-query.js'
import { formatDnsReply, type DnsReply } from '../../wire/dns/dns-reply.js'
import { read16, write16 } from '../../wire/ip.js'
import { maskAt } from '../../wire/selector.js'
import { answerOf, type ArmedNames } from './answer.js'
import { LENGTH_BYTES, LONGEST_QUERY, STREAM_START } from './selector.js'

/** The longest message that TCP can carry (RFC 1035, 4.2.2). */
const LONGEST_REPLY = 0xffff

/** The most queries that are answered on a connection. A resolver asks one or two. */
const MOST_QUERIES = 100

/** Returns the service. A connection is taken over at a whole query for an armed name (RFC 1035, 4.2.2; RFC 7766). */
export function dns01Service({ valuesOf, isZoneOurs = () => false }: ArmedNames): Service {
  const answerTo = (query: DnsQuery | undefined) => {
    const values = query ? valuesOf(query.name) : []
    return query && values.length > 0 ? answerOf(query, values, isZoneOurs()) : undefined
  }
  return {
    longestStart: LENGTH_BYTES + LONGEST_QUERY,
    recognise: (start): Recognition => {
      if (!beginsLikeQuery(start)) return 'other'
      const message = messageIn(start)
      if (!message) return start.length < LENGTH_BYTES + LONGEST_QUERY ? 'partial' : 'other'
      const query = readQuery(message)
      if (!query?.name.startsWith(`${CHALLENGE_LABEL}.`)) return 'other'
      const { name: key } = query
      if (valuesOf(key).length === 0) return { key }
      if (!answerTo(query)) return 'other'
      const isArmed = () => valuesOf(key).length > 0
      return { key, open: (connection) => new Dns01Conversation(answerTo, isArmed, connection) }
    },
  }
}

/** Returns whether the bytes that there are begin like the query that the kernel looks for. */
function beginsLikeQuery(bytes: Uint8Array): boolean {
  const { bytes: wanted } = STREAM_START
  return wanted.every((byte, at) => {
    const mask = maskAt(STREAM_START, at)
    return at >= bytes.length || ((bytes[at] ?? 0) & mask) === (byte & mask)
  })
}

/** Returns the message after its length of two bytes; `undefined` while it is not whole. */
function messageIn(bytes: Uint8Array): Uint8Array | undefined {
  const end = LENGTH_BYTES + read16(bytes, 0)
  return bytes.length < LENGTH_BYTES || bytes.length < end ? undefined : bytes.subarray(LENGTH_BYTES, end)
}

class Dns01Conversation implements Conversation {
  answer: Answer | undefined
  readonly isKept = true
  readonly #answerTo: (query: DnsQuery | undefined) => DnsReply | undefined
  readonly #isArmed: () => boolean
  readonly #connection: Connection
  #bytes = new Uint8Array(0)
  #queries = 0
  /** Ticks since a query came that is the server's. */
  #ticksSinceOther: number | undefined
  #isOver = false

  constructor(
    answerTo: (query: DnsQuery | undefined) => DnsReply | undefined,
    isArmed: () => boolean,
    connection: Connection,
  ) {
    this.#answerTo = answerTo
    this.#isArmed = isArmed
    this.#connection = connection
  }

  receive(bytes: Uint8Array): void {
    if (this.#isOver) return
    this.#bytes = Uint8Array.from([...this.#bytes, ...bytes])
    while (read16(this.#bytes, 0) <= LONGEST_QUERY) {
      const message = messageIn(this.#bytes)
      if (!message) return
      if (!this.#meet(readQuery(message))) break
      this.#bytes = this.#bytes.slice(LENGTH_BYTES + message.length)
    }
    this.end()
  }

  /** Closes our direction, after all replies. */
  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#bytes = new Uint8Array(0)
    this.#connection.end()
  }

  /**
   * A resolver may keep a connection for minutes. Once the name is not armed any more, nothing is to come on it. After
   * a query that is the server's, the connection ends at the second tick.
   */
  tick(): void {
    if (this.#ticksSinceOther !== undefined) this.#ticksSinceOther++
    if (!this.#isArmed() || (this.#ticksSinceOther ?? 0) > 1) this.end()
  }

  /**
   * Answers a query, unless it is the server's. The server does not have the connection any longer, so the connection
   * ends for such a query, and the client asks again on another one (RFC 7766, 6.2.4). Before that, those for armed
   * names that come with it are answered: else the next connection would go the same way. Returns false when there were
   * too many.
   */
  #meet(query: DnsQuery | undefined): boolean {
    const reply = this.#answerTo(query)
    if (!query || !reply) {
      this.#ticksSinceOther ??= 0
      return true
    }
    if (this.#queries >= MOST_QUERIES) return false
    this.#queries++
    const message = formatDnsReply(query, reply, LONGEST_REPLY)
    const length = new Uint8Array(LENGTH_BYTES)
    write16(length, 0, message.length)
    this.#connection.send(Uint8Array.from([...length, ...message]))
    this.answer ??= { status: reply.rcode, bytes: message.length }
    return true
  }
}
