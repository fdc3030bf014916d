/** The limits of the responder, so that no traffic makes it grow without end. Times are in milliseconds. */
export interface Limits {
  /**
   * Connections whose request line, or ClientHello, is still incomplete. Beyond that the oldest is forgotten, and so
   * passes to the server.
   */
  readonly watched: number
  /**
   * Bytes of memory for the starts of those connections. Half a request takes a few hundred, half a ClientHello three
   * thousand, and none more than twice the longest start of a service. Beyond that too the oldest is forgotten.
   */
  readonly watchedBytes: number
  /** Connections taken over, closed ones included. Beyond that the oldest is forgotten. */
  readonly taken: number
  /**
   * Connections that were let go last. As many as packets wait in the queue are enough: of an older one no packet is
   * left there from before.
   */
  readonly released: number
  /** How long a half-sent request line or ClientHello is remembered. */
  readonly watchedFor: number
  /** How long a connection taken over may last. Then the client gets a RST. */
  readonly takenFor: number
  /**
   * How long a closed connection is remembered, so that nothing late reaches the server (TIME-WAIT, RFC 9293, 3.6.1).
   */
  readonly closedFor: number
  /** First retransmission time-out; doubled at each (RFC 6298, 2.1 and 5.5). */
  readonly retransmitAfter: number
  /** How often a reply is repeated after a time-out. */
  readonly retransmissions: number
}

/** The limits of a responder. */
export const DEFAULT_LIMITS: Limits = {
  watched: 4096,
  watchedBytes: 8 * 1024 * 1024,
  taken: 4096,
  released: 1024,
  watchedFor: 60_000,
  takenFor: 60_000,
  closedFor: 30_000,
  retransmitAfter: 1_000,
  retransmissions: 5,
}
