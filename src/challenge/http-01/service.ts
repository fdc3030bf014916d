/** http-01 (RFC 8555, 8.3) over a connection that was taken over: a request head comes in, one reply goes out. */
import type { Answer, Connection, Conversation, Recognition, Service } from '../../intercept/service.js'
import { formatReply, HeadEnd, MAX_REQUEST_LINE, readRequestLine, type Method } from '../../wire/http.js'

/** Returns the service. `challenges` has the key authorization of each token. It is read again for each request. */
export function http01Service(challenges: ReadonlyMap<string, string>): Service {
  return {
    longestStart: MAX_REQUEST_LINE,
    recognise: (start): Recognition => {
      const request = readRequestLine(start)
      if (typeof request === 'string') return request
      const keyAuthorization = challenges.get(request.token)
      if (keyAuthorization === undefined) return { key: request.token }
      return {
        key: request.token,
        open: (connection) => new Http01Conversation(request.method, keyAuthorization, connection),
      }
    },
  }
}

class Http01Conversation implements Conversation {
  answer: Answer | undefined
  readonly #method: Method
  readonly #keyAuthorization: string
  readonly #connection: Connection
  readonly #headEnd = new HeadEnd()

  constructor(method: Method, keyAuthorization: string, connection: Connection) {
    this.#method = method
    this.#keyAuthorization = keyAuthorization
    this.#connection = connection
  }

  receive(bytes: Uint8Array): void {
    // What follows the head is acknowledged and ignored.
    if (this.answer) return
    this.#headEnd.feed(bytes)
    if (!this.#headEnd.isFound) return
    this.answer = { status: 200, bytes: this.#method === 'HEAD' ? 0 : this.#keyAuthorization.length }
    this.#connection.send(formatReply(this.#method, this.#keyAuthorization))
    this.#connection.end()
  }

  end(): void {
    // A client that closes in the middle of the head never completes it: it gets our FIN and no reply.
    if (!this.#headEnd.isFound) this.#connection.end()
  }
}
