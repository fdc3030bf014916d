/** What our own name server replies, on a port that has none. */
import type { Answer } from '../../intercept/service.js'
import { RCODES } from '../../wire/dns/dns.js'
import { readQuery } from '../../wire/dns/dns-query.js'
import { datagramLimit, formatBareReply, formatDnsReply } from '../../wire/dns/dns-reply.js'
import { answerOf, REFUSAL, type ArmedNames } from './answer.js'

/** A reply, and whose challenge it is for. */
export interface OwnReply {
  readonly reply: Uint8Array
  /** The name that was asked for, and what was answered; absent when that says nothing of a challenge. */
  readonly visit?: { readonly key: string; readonly answer: Answer }
}

/**
 * Returns the reply to a message: the answer of the zone for an armed name, and a refusal for all else. `limit` is the
 * most bytes that the transport takes; by default it is what the client takes by UDP. Returns `undefined` for what is
 * not answered at all, such as a response.
 */
export function ownReplyTo(
  message: Uint8Array,
  { valuesOf }: Pick<ArmedNames, 'valuesOf'>,
  limit?: number,
): OwnReply | undefined {
  const query = readQuery(message)
  if (!query) {
    const reply = formatBareReply(message, RCODES.refused)
    return reply && { reply }
  }
  const { name: key } = query
  const values = valuesOf(key)
  const answer = values.length > 0 ? answerOf(query, values, true) : undefined
  const reply = formatDnsReply(query, answer ?? REFUSAL, limit ?? datagramLimit(query))
  const isVisit = answer !== undefined && answer.answers.length > 0
  return { reply, ...(isVisit && { visit: { key, answer: { status: answer.rcode, bytes: reply.length } } }) }
}
