/** http-01 (RFC 8555, 8.3) over a connection that was taken over: a request head comes in, one reply goes out. */
import type { Answer, Connection, Conversation, Recognition, Service } from '../../intercept/service.js'
import { formatReply, HeadEnd, MAX_REQUEST_LINE, readRequestLine, type Method } from '../../wire/http/http.js'
import { MAX_HEAD, readHost } from '../../wire/http/http-host.js'
import { isAnsweredFor, statelessAnswer, type Stateless } from './stateless.js'

/**
 * Returns the service. `challenges` has the key authorization of each token. It is read again for each request. Any
 * other token is answered by `stateless`, while `isOn` returns true. If that is limited to names, the decision waits
 * for the end of the head: a request without exactly one Host field is not answered.
 */
export function http01Service(
  challenges: ReadonlyMap<string, string>,
  stateless?: Stateless,
  isOn = () => true,
): Service {
  return {
    longestStart: stateless?.names.length ? MAX_HEAD : MAX_REQUEST_LINE,
    recognise: (start): Recognition => {
      const request = readRequestLine(start)
      if (typeof request === 'string') return request
      const { method, token: key } = request
      const keyAuthorization =
        challenges.get(key) ?? (stateless && isOn() ? answerTo(key, start, stateless) : undefined)
      if (keyAuthorization === 'partial') return 'partial'
      if (keyAuthorization === undefined) return { key }
      return { key, open: (connection) => new Http01Conversation(method, keyAuthorization, connection) }
    },
  }
}

/** Returns the stateless answer; `partial` while the head does not tell whose request it is; `undefined` for none. */
function answerTo(token: string, start: Uint8Array, stateless: Stateless): string | undefined {
  const answer = statelessAnswer(stateless, token)
  if (answer === undefined || stateless.names.length === 0) return answer
  const read = readHost(start)
  if (read === 'partial') return 'partial'
  return read !== 'other' && isAnsweredFor(stateless, read.host) ? answer : undefined
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
