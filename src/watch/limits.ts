/** Bounds of watching, so that no traffic makes it grow without end. Times are in milliseconds, lengths in bytes. */
export interface WatchLimits {
  /** Requests remembered at once, ended ones included; beyond it the oldest is told as it is, and forgotten. */
  readonly exchanges: number
  /** As much of a request's head, and of a response, is kept. */
  readonly requestBytes: number
  readonly responseBytes: number
  /** As much of a body is shown. */
  readonly bodyBytes: number
  /** A request whose head does not come to its end is told of after this time. */
  readonly headWithin: number
  /** A response that begins and then pauses so long is told of as it is. */
  readonly quietFor: number
  /** How long no byte means silence. Let's Encrypt's validators wait 10 s. */
  readonly silentFor: number
  /**
   * How long after a client's RST an answer may still come: where our responder takes a connection over, a RST goes
   * before its reply.
   */
  readonly goneFor: number
  /**
   * How long a request is followed, and once it has ended remembered, so that a repeated segment is not taken for a new
   * one.
   */
  readonly rememberedFor: number
  /** Connection attempts remembered at once; beyond it the oldest is forgotten. */
  readonly attempts: number
  /** A SYN without an answer for so long is told of: by then the client has repeated it twice (RFC 6298). */
  readonly attemptFor: number
}

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
