import type { Answer, Connection, Conversation, Recognition, Service } from '../../src/intercept/service.js'

/** How a request to the echo begins. */
export const ECHO_START = 'ECHO\n'

/**
 * A service that has nothing to do with HTTP: it sends back what comes after `ECHO\n`, and closes when the client does.
 * `later` may put the answer off, as a TLS engine would.
 */
export function echoService(later: (answer: () => void) => void = (answer) => answer()): Service {
  return {
    longestStart: ECHO_START.length,
    recognise: (start): Recognition => {
      const text = String.fromCharCode(...start)
      if (text === ECHO_START) return { key: 'echo', open: (connection) => new Echo(connection, later) }
      return ECHO_START.startsWith(text) ? 'partial' : 'other'
    },
  }
}

class Echo implements Conversation {
  answer: Answer | undefined
  readonly #connection: Connection
  readonly #later: (answer: () => void) => void
  #skip = ECHO_START.length

  constructor(connection: Connection, later: (answer: () => void) => void) {
    this.#connection = connection
    this.#later = later
  }

  receive(bytes: Uint8Array): void {
    const content = bytes.slice(this.#skip)
    this.#skip = Math.max(this.#skip - bytes.length, 0)
    if (content.length === 0) return
    this.#later(() => {
      this.answer = { status: 0, bytes: (this.answer?.bytes ?? 0) + content.length }
      this.#connection.send(content)
    })
  }

  end(): void {
    this.#later(() => this.#connection.end())
  }
}
