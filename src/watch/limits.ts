/**
 * The limits of watching, so that no traffic makes it grow without end. Times are in milliseconds, lengths in bytes.
 */
export interface WatchLimits {
  /** Requests remembered at once, ended ones included. Beyond that the oldest is reported as it is, and forgotten. */
  readonly exchanges: number
  /** The part of a request's head, and of a response, that is kept. */
  readonly requestBytes: number
  readonly responseBytes: number
  /** The part of a body that is shown. */
  readonly bodyBytes: number
  /** A request whose head does not end is reported after this time. */
  readonly headWithin: number
  /** A response that begins and then pauses for this long is reported as it is. */
  readonly quietFor: number
  /** After this time without a byte the server is silent. Let's Encrypt's validators wait 10 s. */
  readonly silentFor: number
  /**
   * How long after a client's RST an answer may still come. Where our responder takes a connection over, a RST precedes
   * its reply.
   */
  readonly goneFor: number
  /**
   * How long a request is followed, and how long it is remembered after its end, so that a repeated segment does not
   * count as a new request.
   */
  readonly rememberedFor: number
  /** Connection attempts remembered at once. Beyond that the oldest is forgotten. */
  readonly attempts: number
  /** A SYN without an answer for this long is reported. By then the client has repeated it twice (RFC 6298). */
  readonly attemptFor: number
}

/** The limits of `certbot-nfq watch`. */
export const DEFAULT_WATCH_LIMITS: WatchLimits = {
  exchanges: 512,
  requestBytes: 4_096,
  responseBytes: 8_192,
  bodyBytes: 128,
  headWithin: 1_000,
  quietFor: 300,
  silentFor: 10_000,
  goneFor: 1_000,
  rememberedFor: 60_000,
  attempts: 1_024,
  attemptFor: 3_500,
}
