/** What all requests of a self-check have in common. */
import { createConnection, type Socket } from 'node:net'

/**
 * How a request stands. `refused` is also a destination without a route. `not accepted`, and `silent` for a connection
 * that was accepted and not answered, hold until something comes. `unknown` could not be tried.
 */
export type AskState = 'answered' | 'other answer' | 'refused' | 'not accepted' | 'silent' | 'unknown'

/** What has come of a request so far. */
export interface AskResult {
  readonly state: AskState
  /** The client's end, once it is known: `127.0.0.1:54321` or `[::1]:54321`. */
  readonly client?: string
}

/** A request to make, and the answer that it should get. */
export interface Question {
  /** Absent with http-01. */
  readonly type?: 'dns-01' | 'tls-alpn-01'
  /** TCP by default. */
  readonly transport?: 'udp'
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

/**
 * Returns a request that is `not accepted`, and what changes that: `note` tells how it stands and which client's end it
 * has, `conclude` ends it. `close` frees what it has open.
 */
export function answerTo(close: () => void): {
  readonly asking: Asking
  readonly note: (state: AskState, client: string) => void
  readonly conclude: (state: AskState) => void
} {
  let result: AskResult = { state: 'not accepted' }
  const [accepted, accept] = signal()
  const [ended, end] = signal()
  return {
    asking: {
      get result() {
        return result
      },
      accepted,
      ended,
      close,
    },
    note: (state, client) => {
      result = { state, client }
      if (state !== 'not accepted') accept()
    },
    conclude: (state) => {
      close()
      result = { ...result, state }
      accept()
      end()
    },
  }
}

/** Starts a request by TCP. It is `silent` once the connection is accepted. */
export function openConnection({ address, port }: Question): Omit<ReturnType<typeof answerTo>, 'note'> & {
  readonly socket: Socket
} {
  const socket = createConnection({ host: address, port })
  const { asking, note, conclude } = answerTo(() => socket.destroy())
  socket.on('connect', () => note('silent', `${bracketed(socket.localAddress ?? '')}:${socket.localPort}`))
  // Other errors, such as the kernel's time-out, are no answer.
  socket.on('error', ({ code = '' }: NodeJS.ErrnoException) => {
    if (isRefusal(code)) conclude('refused')
    else if (code === 'ECONNRESET') conclude('other answer')
  })
  return { socket, asking, conclude }
}

/** Returns whether an error says that nobody listens, or that no way leads there. */
export function isRefusal(code: string): boolean {
  return ['ECONNREFUSED', 'EADDRNOTAVAIL', 'ENETUNREACH', 'EHOSTUNREACH', 'EAFNOSUPPORT'].includes(code)
}

/** Returns an address as it stands before a port. */
export function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

/** Returns a promise and the function that resolves it. */
function signal(): [Promise<void>, () => void] {
  let resolve: () => void = () => undefined
  return [new Promise<void>((done) => (resolve = done)), () => resolve()]
}
