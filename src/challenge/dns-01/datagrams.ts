/** dns-01 (RFC 8555, 8.4) by UDP: a query comes in, one reply goes out. */
import type { DatagramService, RecognisedDatagram } from '../../intercept/service.js'
import { CHALLENGE_LABEL } from '../../wire/dns/dns.js'
import { readQuery } from '../../wire/dns/dns-query.js'
import { asResponse, datagramLimit, formatDnsReply } from '../../wire/dns/dns-reply.js'
import { answerOf, type ArmedNames } from './answer.js'

/**
 * Returns the service. In place of a query that is answered here, the server gets the same message as a response, which
 * it ignores. Dropping the query would not do: connection tracking forgets a connection whose first packet is dropped,
 * and the reply would be one that no packet came before.
 */
export function dns01Datagrams({ valuesOf, isZoneOurs = () => false }: ArmedNames): DatagramService {
  return {
    recognise: (datagram): RecognisedDatagram | undefined => {
      const query = readQuery(datagram)
      if (!query?.name.startsWith(`${CHALLENGE_LABEL}.`)) return undefined
      const { name: key } = query
      const values = valuesOf(key)
      if (values.length === 0) return { key }
      const answer = answerOf(query, values, isZoneOurs())
      if (!answer) return undefined
      const reply = formatDnsReply(query, answer, datagramLimit(query))
      const isVisit = answer.answers.length > 0
      return {
        key,
        exchange: {
          onward: asResponse(datagram),
          reply,
          shortReply: () => formatDnsReply(query, answer, 0),
          ...(isVisit && { answer: { status: answer.rcode, bytes: reply.length } }),
        },
      }
    },
  }
}
