/** One handshake for a challenge of tls-alpn-01, as a validator would make it (RFC 8737, 3). */
import type { ConnectionOptions, TLSSocket } from 'node:tls'
import { checkedServerName } from '../../control/self-check-order.js'
import { ACME_TLS } from '../../wire/tls/tls-hello.js'
import { openConnection, type Asking, type Question } from './asking.js'

/** Starts a handshake. It is answered by a certificate for the name that is asked for. */
export function askByTls(question: Question): Asking {
  const servername = checkedServerName(question.token)
  const { socket, asking, conclude } = openConnection(question)
  const shake = (connect: (options: ConnectionOptions) => TLSSocket) => {
    const client = connect({ socket, servername, ALPNProtocols: [ACME_TLS], rejectUnauthorized: false })
    client.on('secureConnect', () => {
      const isAnswer = client.getPeerCertificate().subjectaltname === `DNS:${servername}`
      // The last message of the handshake is ours, and may not be sent yet.
      client.end(() => conclude(isAnswer ? 'answered' : 'other answer'))
    })
    // A server that does not know the protocol says so, or closes.
    client.on('error', () => conclude('other answer'))
  }
  socket.on('connect', () => {
    // Loaded on demand: it takes longer than a self-check of http-01.
    void import('node:tls').then(({ connect }) => shake(connect))
  })
  return asking
}
