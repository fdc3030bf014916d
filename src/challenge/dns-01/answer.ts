/** What a query for a challenge is answered with (RFC 8555, 8.4). */
import { HEADER_LENGTH, RCODES, TYPES } from '../../wire/dns/dns.js'
import type { DnsQuery } from '../../wire/dns/dns-query.js'
import { authorityData, pointerData, textData, type DnsRecord, type DnsReply } from '../../wire/dns/dns-reply.js'
import { CHALLENGE_LABEL_LENGTH } from './names.js'

/** What is armed. Each function is asked again for each query. */
export interface ArmedNames {
  /** Returns the values of a name, which is in lower case; none if it is not armed. */
  readonly valuesOf: (name: string) => readonly string[]
  /**
   * Returns whether the zone is our own, because nobody else listens on the port. By default it is another server's.
   */
  readonly isZoneOurs?: () => boolean
}

/** Types of queries that are never asked for a record: signatures of messages, transfers of zones (RFC 6895, 3.1). */
const isMetaType = (type: number) => type === TYPES.OPT || (type >= 128 && type < 256 && type !== TYPES.ANY)

/** The name that is validated, as part of the question. It stands for the server of a zone of our own. */
const VALIDATED_NAME = HEADER_LENGTH + CHALLENGE_LABEL_LENGTH

/**
 * Returns the answer to a query for a name with these values: one RRset of all of them. Other types have no data; that
 * is not the same as no such name, which a resolver would take for TXT too (RFC 8020). `undefined` for what only the
 * server of the zone can answer: how the zone is signed above (DS), who serves it (SOA), and what is no record.
 *
 * In a zone of our own the name is the top of the zone, so it has SOA and NS.
 */
export function answerOf({ type }: DnsQuery, values: readonly string[], isZoneOurs: boolean): DnsReply | undefined {
  if (isMetaType(type)) return undefined
  if (type === TYPES.TXT || type === TYPES.ANY) return replyOf(values.map(textOf))
  if (!isZoneOurs) return type === TYPES.SOA || type === TYPES.DS ? undefined : replyOf([])
  if (type === TYPES.SOA) return replyOf([authority])
  if (type === TYPES.NS) return replyOf([{ type: TYPES.NS, data: pointerData(VALIDATED_NAME) }])
  return replyOf([], [authority])
}

/** Says that nobody is served here with what a query asks for. */
export const REFUSAL: DnsReply = { rcode: RCODES.refused, isAuthoritative: false, answers: [], authority: [] }

const authority: DnsRecord = { type: TYPES.SOA, data: authorityData(VALIDATED_NAME) }

function textOf(value: string): DnsRecord {
  return { type: TYPES.TXT, data: textData(value) }
}

function replyOf(answers: readonly DnsRecord[], authority: readonly DnsRecord[] = []): DnsReply {
  return { rcode: RCODES.noError, isAuthoritative: true, answers, authority }
}
