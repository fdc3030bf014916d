import { CHALLENGE_LABEL } from '../wire/dns/dns.js'
import { CHALLENGE_PATH } from '../wire/http/http.js'
import { ACME_TLS } from '../wire/tls/tls-hello.js'
import type { WatchedRequest } from './events.js'

/** A type of challenge. */
export type WatchedType = 'http-01' | 'dns-01' | 'tls-alpn-01'

/** Titles of the two columns that say what is asked for, and the greatest widths of these. */
export const ASKED_COLUMNS = {
  'http-01': { titles: ['HOST', 'TOKEN'], widths: [30, 12] },
  'dns-01': { titles: ['NAME', 'QUERY'], widths: [30, 60] },
  'tls-alpn-01': { titles: ['SNI', 'ALPN'], widths: [30, 12] },
} as const

/** Returns the contents of these columns. */
export function describeRequest(request: WatchedRequest): readonly [string, string] {
  if (request.type === 'dns-01') {
    const { name, recordType, transport, server } = request
    return [name.slice(CHALLENGE_LABEL.length + 1), `${recordType}, ${transport.toUpperCase()} to ${server.address}`]
  }
  if (request.type === 'tls-alpn-01') return [request.serverName ?? '', request.alpn.join(',')]
  const { host, token, method } = request
  return [host ?? '', method === 'HEAD' ? `HEAD ${token}` : token]
}

/** Returns what a port is for by its number. That is a guess, for as long as no request has come to it. */
export function typeAt(port: number): WatchedType | undefined {
  return ({ 80: 'http-01', 53: 'dns-01', 443: 'tls-alpn-01' } as const)[port]
}

/** Returns in words what is waited for on a port. Where its number does not say it, that is any request. */
export function describeWait(port: number): string {
  const type = typeAt(port)
  return type ? REQUESTS[type] : Object.values(REQUESTS).join(', ')
}

const REQUESTS: Readonly<Record<WatchedType, string>> = {
  'http-01': `GET or HEAD ${CHALLENGE_PATH}`,
  'dns-01': `a query for ${CHALLENGE_LABEL}.NAME`,
  'tls-alpn-01': `a TLS connection with ${ACME_TLS}`,
}
