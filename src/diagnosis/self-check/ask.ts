/** One challenge request, as a validator would make it. */
import { createConnection } from 'node:net'
import { CHALLENGE_PATH } from '../../wire/http.js'

/**
 * How a request stands. `refused` is also a destination without a route. `not accepted`, and `silent` for a connection
 * that was accepted and not answered, hold until something comes. `unknown` could not be tried.
 */
export type AskState = 'answered' | 'other answer' | 'refused' | 'not accepted' | 'silent' | 'unknown'

/** What has come of a request so far. */
export interface AskResult {
  readonly state: AskState
  /** The client's end of the connection, once it was accepted: `127.0.0.1:54321` or `[::1]:54321`. */
  readonly client?: string
}

/** A request to make, and the answer that it should get. */
export interface Question {
  readonly address: string
  readonly port: number
  readonly token: string
  readonly keyAuthorization: string
  /** What the Host field names; the address by default. */
  readonly host?: string
}

/** A request that goes on until it is closed. */
export interface Asking {
  /** The result as it is now. */
  readonly result: AskResult
  /** Resolves when the connection is accepted, or has ended. */
  readonly accepted: Promise<void>
  /** Resolves when an answer of any kind or a refusal has come. It never resolves while nothing comes. */
  readonly ended: Promise<void>
  close(): void
}

/** Starts a request. */
export function ask({ address, port, token, keyAuthorization, host }: Question): Asking {
  let received = ''
  let result: AskResult = { state: 'not accepted' }
  const socket = createConnection({ host: address, port })
  const [accepted, accept] = signal()
  const [ended, end] = signal()
  const conclude = (state: AskState) => {
    socket.destroy()
    result = { ...result, state }
    accept()
    end()
  }
  const bracketed = (host: string) => (host.includes(':') ? `[${host}]` : host)
  socket.setEncoding('latin1')
  socket.on('connect', () => {
    result = { state: 'silent', client: `${bracketed(socket.localAddress ?? '')}:${socket.localPort}` }
    accept()
    socket.write(
      `GET ${CHALLENGE_PATH}${token} HTTP/1.1\r\nHost: ${bracketed(host ?? address)}\r\nUser-Agent: certbot-nfq self-check\r\nConnection: close\r\n\r\n`,
    )
  })
  socket.on('data', (text: string) => {
    received += text
    if (received.startsWith('HTTP/1.1 200 ') && received.endsWith(`\r\n\r\n${keyAuthorization}`)) conclude('answered')
    else if (received.length > 16_384) conclude('other answer')
  })
  socket.on('end', () => conclude('other answer'))
  // Other errors, such as the kernel's time-out, are no answer.
  socket.on('error', ({ code = '' }: NodeJS.ErrnoException) => {
    if (REFUSALS.includes(code)) conclude('refused')
    else if (code === 'ECONNRESET') conclude('other answer')
  })
  return {
    get result() {
      return result
    },
    accepted,
    ended,
    close: () => socket.destroy(),
  }
}

const REFUSALS = ['ECONNREFUSED', 'EADDRNOTAVAIL', 'ENETUNREACH', 'EHOSTUNREACH', 'EAFNOSUPPORT']

/** Returns a promise and the function that resolves it. */
function signal(): [Promise<void>, () => void] {
  let resolve: () => void = () => undefined
  return [new Promise<void>((done) => (resolve = done)), () => resolve()]
}
