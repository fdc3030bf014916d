/** What `watch` reports of a challenge request: that it came, and what became of it. */
import type { IpVersion } from '../wire/ip.js'

/**
 * How a request ended.
 *
 * - `answered`: with HTTP.
 * - `not-http`: with bytes that are not HTTP.
 * - `closed`, `reset`: the server ended the connection without sending a byte.
 * - `silent`: no byte came for ten seconds. A later answer is reported too.
 * - `client-gone`: the client reset the connection first.
 * - `unknown`: it was not followed to its end.
 */
export type AnswerOutcome = 'answered' | 'not-http' | 'closed' | 'reset' | 'silent' | 'client-gone' | 'unknown'

/** A request for a challenge. Text from the wire is escaped, so it is printable ASCII only. */
export interface WatchedRequest {
  /** Counts from 1; joins a request and its answer. */
  readonly id: number
  /** Milliseconds since 1970, when its last byte passed. */
  readonly at: number
  readonly family: IpVersion
  readonly client: { readonly address: string; readonly port: number }
  readonly server: { readonly address: string; readonly port: number }
  readonly method: 'GET' | 'HEAD'
  /** What follows the challenge path, up to the next space. */
  readonly token: string
  /** The Host field, if it was seen. */
  readonly host?: string
}

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
  /** The first bytes of the body; of a response that is not HTTP, its first bytes. */
  readonly body?: string
  /**
   * Whether the body begins with the token and a dot, as a key authorization of this token does (RFC 8555, 8.1). Given
   * only for a 200 to GET whose body can be read.
   */
  readonly startsWithToken?: boolean
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
