/** What `watch` reports of a challenge request: that it came, and what became of it. */
import type { IpVersion } from '../wire/ip.js'

/**
 * How a request ended.
 *
 * - `answered`: with HTTP, DNS or TLS, as it was asked.
 * - `not-http`, `not-dns`, `not-tls`: with bytes that are no answer to it.
 * - `closed`, `reset`: the server ended the connection without sending a byte.
 * - `silent`: no byte came for ten seconds. A later answer is reported too.
 * - `client-gone`: the client reset the connection first.
 * - `unknown`: it was not followed to its end.
 */
export type AnswerOutcome =
  'answered' | 'not-http' | 'not-dns' | 'not-tls' | 'closed' | 'reset' | 'silent' | 'client-gone' | 'unknown'

/** Who asks whom, and when. */
export interface RequestEnds {
  /** Counts from 1; joins a request and its answer. */
  readonly id: number
  /** Milliseconds since 1970, when its last byte passed. */
  readonly at: number
  readonly family: IpVersion
  readonly client: { readonly address: string; readonly port: number }
  readonly server: { readonly address: string; readonly port: number }
}

/** A request of http-01, which has no type. */
export interface ShownHttp {
  readonly type?: never
  readonly method: 'GET' | 'HEAD'
  /** What follows the challenge path, up to the next space. */
  readonly token: string
  /** The Host field, if it was seen. */
  readonly host?: string
}

/** A query for a name that begins with `_acme-challenge.`. */
export interface ShownDns {
  readonly type: 'dns-01'
  readonly transport: 'udp' | 'tcp'
  /** In lower case, without a dot at the end. */
  readonly name: string
  /** `TXT` and the like; of a type without a name here, `TYPE` and its number (RFC 3597). */
  readonly recordType: string
}

/** A ClientHello that offers `acme-tls/1`. */
export interface ShownTls {
  readonly type: 'tls-alpn-01'
  /** The host name of SNI, if it has one. */
  readonly serverName?: string
  /** All protocols that it offers. */
  readonly alpn: readonly string[]
}

/** What is shown of a request. Text from the wire is escaped, so it is printable ASCII only. */
export type ShownRequest = ShownHttp | ShownDns | ShownTls

/** A request for a challenge. */
export type WatchedRequest = RequestEnds & ShownRequest

/** What became of a request. Text from the wire is escaped. */
export interface WatchedAnswer {
  readonly outcome: AnswerOutcome
  /**
   * Milliseconds from the request's last byte to the first byte of the response, or to the RST or FIN that came
   * instead. For `silent` it is the time waited.
   */
  readonly milliseconds?: number
  readonly status?: number
  readonly reason?: string
  readonly location?: string
  readonly contentType?: string
  readonly contentEncoding?: string
  /** The first bytes of the body; of a response that is not what was asked for, its first bytes. */
  readonly body?: string
  /**
   * Whether the body begins with the token and a dot, as a key authorization of this token does (RFC 8555, 8.1). Given
   * only for a 200 to GET whose body can be read.
   */
  readonly startsWithToken?: boolean
  /** Of DNS: `NOERROR` and the like; of a code without a name here, `RCODE` and its number. */
  readonly rcode?: string
  /** Of DNS: how many records answer the question, of any type. */
  readonly answers?: number
  /** Of DNS: the answer does not fit a datagram, so the client has to ask again by TCP. */
  readonly isTruncated?: true
  /** Of TLS: the record that came back. A handshake goes on; an alert refuses. */
  readonly record?: 'handshake' | 'alert'
  /** Of TLS: what the alert says (RFC 8446, 6), such as `no_application_protocol`, or its number. */
  readonly alert?: string
}

/** A connection attempt that no server took, so that no request could follow. */
export interface Attempt {
  /** Milliseconds since 1970, of its first SYN. */
  readonly at: number
  readonly family: IpVersion
  readonly client: { readonly address: string; readonly port: number }
  readonly server: { readonly address: string; readonly port: number }
  /** `refused`: a RST came. `unanswered`: nothing came, so a firewall drops it or the machine behind is gone. */
  readonly outcome: 'refused' | 'unanswered'
}

/** Something that `watch` shows. */
export type WatchEvent =
  | { readonly event: 'attempt'; readonly attempt: Attempt }
  | { readonly event: 'request'; readonly request: WatchedRequest }
  | { readonly event: 'answer'; readonly request: WatchedRequest; readonly answer: WatchedAnswer }
