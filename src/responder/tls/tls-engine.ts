/**
 * Node's TLS as the conversation of a connection that was taken over: the handshake of tls-alpn-01 (RFC 8737, 3), and
 * nothing after it.
 */
import { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import type { Answer, Connection, Conversation } from '../../intercept/service.js'
import type { Credentials } from './tls-certificate.js'

/** Returns what opens conversations with these credentials. */
export type TlsEngine = (credentials: Credentials) => (connection: Connection) => Conversation

/** The most conversations at once. Beyond that the oldest is ended: a validator's is new, and over in no time. */
const MAX_OPEN = 600

/** Milliseconds for a handshake. Boulder takes 10 s for all of a validation. */
const HANDSHAKE_TIME = 20_000

/**
 * Returns the engine. A conversation answers by one whole handshake, in which the client offers one of these protocols,
 * and closes then. A handshake that fails, or takes too long, ends it without an answer.
 *
 * TLS is loaded here, because most responders never need it.
 */
export async function openTlsEngine(protocols: readonly string[]): Promise<TlsEngine> {
  const { createSecureContext, TLSSocket } = await import('node:tls')
  const open = new Set<TlsConversation>()
  return (credentials) => {
    const { cert, key, length } = credentials
    const secureContext = createSecureContext({ cert, key, minVersion: 'TLSv1.2' })
    const start = (stream: Duplex) =>
      new TLSSocket(stream, { isServer: true, ALPNProtocols: [...protocols], secureContext })
    return (connection) => {
      for (const oldest of open) {
        if (open.size < MAX_OPEN) break
        oldest.close()
      }
      return new TlsConversation(start, connection, open, { status: 0, bytes: length })
    }
  }
}

class TlsConversation implements Conversation {
  answer: Answer | undefined
  isReceived = false
  readonly #connection: Connection
  readonly #open: Set<TlsConversation>
  readonly #stream: Duplex
  readonly #tls: TLSSocket
  readonly #timer: NodeJS.Timeout
  readonly #certificate: Answer

  constructor(
    start: (stream: Duplex) => TLSSocket,
    connection: Connection,
    open: Set<TlsConversation>,
    certificate: Answer,
  ) {
    this.#connection = connection
    this.#certificate = certificate
    this.#open = open.add(this)
    this.#stream = new Duplex({
      read: () => undefined,
      write: (bytes: Uint8Array, _, done) => {
        if (this.#isOpen) connection.send(bytes)
        done()
      },
    })
    this.#tls = start(this.#stream)
    this.#timer = setTimeout(() => this.close(), HANDSHAKE_TIME).unref()
    const close = () => this.close()
    // What a client sends later is for nobody. It has to be read, so that the client's end is seen.
    this.#tls
      .on('secure', () => this.#finish())
      .on('end', close)
      .on('error', close)
      .on('close', close)
      .resume()
  }

  receive(bytes: Uint8Array): void {
    // A client that goes on after the handshake has our last message.
    if (this.answer) this.isReceived = true
    if (this.#isOpen) this.#stream.push(bytes)
  }

  end(): void {
    if (this.#isOpen) this.#stream.push(null)
  }

  /** Ends the connection as it is. */
  close(): void {
    if (!this.#open.delete(this)) return
    clearTimeout(this.#timer)
    this.#tls.destroy()
    this.#connection.end()
  }

  get #isOpen(): boolean {
    return this.#open.has(this)
  }

  /** Handles the end of the handshake. With TLS 1.3 the last message is the client's, after it has the certificate. */
  #finish(): void {
    this.answer = this.#certificate
    this.isReceived = this.#tls.getProtocol() === 'TLSv1.3'
    this.#tls.end(() => this.close())
  }
}
