/** One handshake for a challenge of tls-alpn-01, as a validator would make it (RFC 8737, 3). */
import { createConnection } from 'node:net'
import type { ConnectionOptions, TLSSocket } from 'node:tls'
import { checkedServerName } from '../../control/self-check-order.js'
import { answerTo, bracketed, isRefusal, type Asking, type Question } from './asking.js'

/** Starts a handshake. It is answered by a certificate for the name that is asked for. */
export function askByTls({ address, port, token }: Question): Asking {
  const servername = checkedServerName(token)
  const socket = createConnection({ host: address, port })
  const { asking, note, conclude } = answerTo(() => socket.destroy())
  const shake = (connect: (options: ConnectionOptions) => TLSSocket) => {
    const client = connect({ socket, servername, ALPNProtocols: ['acme-tls/1'], rejectUnauthorized: false })
    client.on('secureConnect', () => {
      const isAnswer = client.getPeerCertificate().subjectaltname === `DNS:${servername}`
      // The last message of the handshake is ours, and may not be sent yet.
      client.end(() => conclude(isAnswer ? 'answered' : 'other answer'))
    })
    // A server that does not know the protocol says so, or closes.
    client.on('error', () => conclude('other answer'))
  }
  socket.on('connect', () => {
    note('silent', `${bracketed(socket.localAddress ?? '')}:${socket.localPort}`)
    // Loaded on demand: it takes longer than a self-check of http-01.
    void import('node:tls').then(({ connect }) => shake(connect))
  })
  // Other errors, such as the kernel's time-out, are no answer.
  socket.on('error', ({ code = '' }: NodeJS.ErrnoException) => {
    if (isRefusal(code)) conclude('refused')
    else if (code === 'ECONNRESET') conclude('other answer')
  })
  return asking
}
