/** One challenge request, as a validator would make it. */
import { createConnection } from 'node:net'
import { CHALLENGE_PATH } from '../wire/http.js'

/** `refused` also where there is no way there; `silent` is no answer in time; `unknown` could not be tried. */
export type Outcome = 'answered' | 'other answer' | 'refused' | 'silent' | 'unknown'

export interface Question {
  readonly address: string
  readonly port: number
  readonly token: string
  readonly keyAuthorization: string
}

/** Asks, and tells how that went within `limit` milliseconds. Never rejects. */
export function ask({ address, port, token, keyAuthorization }: Question, limit: number): Promise<Outcome> {
  return new Promise((resolve) => {
    let received = ''
    const socket = createConnection({ host: address, port })
    const end = (outcome: Outcome) => {
      clearTimeout(timer)
      socket.destroy()
      resolve(outcome)
    }
    const timer = setTimeout(() => end(received === '' ? 'silent' : 'other answer'), limit)
    socket.setEncoding('latin1')
    socket.on('connect', () => socket.write(`GET ${CHALLENGE_PATH}${token} HTTP/1.1\r\nHost: ${address.includes(':') ? `[${address}]` : address}\r\nUser-Agent: certbot-nfq self-check\r\nConnection: close\r\n\r\n`))
    socket.on('data', (text: string) => {
      received += text
      if (received.startsWith('HTTP/1.1 200 ') && received.endsWith(`\r\n\r\n${keyAuthorization}`)) end('answered')
      else if (received.length > 16_384) end('other answer')
    })
    socket.on('end', () => end('other answer'))
    socket.on('error', ({ code = '' }: NodeJS.ErrnoException) => end(REFUSALS.includes(code) ? 'refused' : code === 'ECONNRESET' ? 'other answer' : 'silent'))
  })
}

const REFUSALS = ['ECONNREFUSED', 'EADDRNOTAVAIL', 'ENETUNREACH', 'EHOSTUNREACH', 'EAFNOSUPPORT']
