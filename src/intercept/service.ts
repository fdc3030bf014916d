/**
 * What a challenge type has to offer for its connections to be taken over. The code in this directory knows no protocol
 * above TCP.
 */

/** A protocol that is answered in place of the web server. */
export interface Service {
  /** The most bytes of a stream's start that `recognise` ever needs. With as many it is never `partial`. */
  readonly longestStart: number
  /** Reads the first bytes of a stream. Called again with more while it returns `partial`. Never throws. */
  readonly recognise: (start: Uint8Array) => Recognition
}

/**
 * What a stream's first bytes are: `partial` while they may still become a request of ours, `other` once they cannot,
 * or the whole start of a request.
 */
export type Recognition = 'partial' | 'other' | Recognised

/** A request that is for a service. */
export interface Recognised {
  /** What the request asks for: a token with http-01. */
  readonly key: string
  /** Starts to answer. Absent when `key` is not armed, because then the request is the server's. */
  readonly open?: (connection: Connection) => Conversation
}

/** Our end of a connection that was taken over. */
export interface Connection {
  /** Sends bytes after all that were sent before. It may be called at any time until `end`. */
  send(bytes: Uint8Array): void
  /** Closes our direction once all is sent. */
  end(): void
}

/** One connection's exchange. No method throws. */
export interface Conversation {
  /** Takes the client's bytes, each once and in order, from the first of the stream on. */
  receive(bytes: Uint8Array): void
  /** Called when the client has closed its direction. */
  end(): void
  /** Called a few times a second. What waits for further requests ends here when none can be answered any more. */
  tick?(): void
  /** What was answered; undefined until then. */
  readonly answer: Answer | undefined
  /** Whether the client has shown that it has the answer, even if it does not acknowledge our end of the connection. */
  readonly isReceived?: boolean
  /** Whether it goes on after its answer, for as long as the client likes. */
  readonly isKept?: boolean
}

/** An answer as logs and status show it. */
export interface Answer {
  /** The protocol's own code: 200 with HTTP, 0 with TLS. */
  readonly status: number
  /** Length of the content, without any head. */
  readonly bytes: number
}

/** A protocol whose requests and answers are single datagrams. */
export interface DatagramService {
  /** Reads a datagram. Returns `undefined` when it is the server's. Never throws. */
  recognise(datagram: Uint8Array): RecognisedDatagram | undefined
}

/** A datagram that is for a service. */
export interface RecognisedDatagram {
  /** What the request asks for: a name with dns-01. */
  readonly key: string
  /** What is sent. Absent when `key` is not armed, because then the request is the server's. */
  readonly exchange?: {
    /** What goes to the client. */
    readonly reply: Uint8Array
    /** Returns what goes to the client in its place when the link takes no packet that long. */
    readonly shortReply?: () => Uint8Array
    /** What goes to the server in place of the request: as many bytes, which it ignores. */
    readonly onward: Uint8Array
    /** What was answered; absent when that says nothing of the challenge. */
    readonly answer?: Answer
  }
}
