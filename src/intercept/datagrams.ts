/**
 * Decides about queued datagrams. Pure: no I/O, no clock. A request that is answered here is not dropped. It goes on to
 * the server as something that the server ignores, so that connection tracking and the rules for outgoing packets know
 * of it. The reply comes after.
 */
import type { IpEnvelope } from '../wire/ip.js'
import { emitUdpPacket, parseUdpPacket, replacePayload } from '../wire/udp.js'
import type { FlowEvent } from './interceptor.js'
import type { DatagramService } from './service.js'

/** What becomes of a packet with a datagram. */
export interface DatagramDecision {
  readonly verdict: 'accept' | { readonly replace: Uint8Array }
  /** Whole IP packets, addressed to the client. They are sent when the kernel has the verdict, and not before. */
  readonly replies: readonly Uint8Array[]
  /** Returns what is sent in place of a reply that is too long for the link; absent when there is nothing shorter. */
  readonly shorter?: () => Uint8Array
  readonly events: readonly FlowEvent[]
}

/**
 * Decides about one IP packet on its way to the server. Returns `undefined` when it is for no service. Never throws.
 */
export function decideDatagram(services: readonly DatagramService[], bytes: Uint8Array): DatagramDecision | undefined {
  const packet = services.length > 0 ? parseUdpPacket(bytes) : undefined
  if (!packet) return undefined
  const { ip, datagram } = packet
  for (const service of services) {
    const recognised = service.recognise(datagram.payload)
    if (!recognised) continue
    const { key, exchange } = recognised
    const about = { key, client: ip.source.slice(), clientPort: datagram.sourcePort, transport: 'udp' as const }
    if (!exchange) return { verdict: 'accept', replies: [], events: [{ ...about, kind: 'unknownToken' }] }
    const envelope: IpEnvelope = { version: ip.version, source: ip.destination, destination: ip.source }
    const ports = { sourcePort: datagram.destinationPort, destinationPort: datagram.sourcePort }
    const emit = (payload: Uint8Array) => emitUdpPacket(envelope, { ...ports, payload })
    const { reply, shortReply } = exchange
    return {
      verdict: { replace: replacePayload(bytes, packet, exchange.onward) },
      replies: [emit(reply)],
      ...(shortReply && { shorter: () => emit(shortReply()) }),
      events: exchange.answer ? [{ ...about, kind: 'answered', answer: exchange.answer }] : [],
    }
  }
  return undefined
}
