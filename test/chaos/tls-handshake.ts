/** Node's TLS client on a connection of the lab. */
import { Duplex } from 'node:stream'
import { connect, type TLSSocket } from 'node:tls'
import { within, type Connection, type Ending } from './connection.js'

/** What the client asks for. */
export interface Handshake {
  readonly name: string
  readonly protocol: string
  /** Sends the hello, a character for a byte. False when it cannot be sent. By default in one piece. */
  readonly say?: (hello: string) => Promise<boolean>
}

/** What came of a handshake: the socket when it is done, the server's alert, or how the connection ended. */
export type Shaken =
  | { readonly how: 'done'; readonly socket: TLSSocket }
  | { readonly how: 'alert'; readonly code: string }
  | { readonly how: Ending['how'] }

/** Makes a handshake, for at most so many milliseconds. */
export async function shakeHands(
  connection: Connection,
  { name, protocol, say = connection.write }: Handshake,
  limit: number,
): Promise<Shaken> {
  let send = say
  const stream = new Duplex({
    read: () => undefined,
    write: (bytes: Buffer, _, done) => {
      void send(bytes.toString('latin1')).then(() => done())
      send = connection.write
    },
    final: (done) => {
      connection.halfClose()
      done()
    },
  })
  connection.hears((text) => stream.push(Buffer.from(text, 'latin1')))
  // What has come is read first.
  const gone = connection.ended(limit).then(({ how }) => {
    stream.push(null)
    return how
  })
  const socket = connect({ socket: stream, servername: name, ALPNProtocols: [protocol], rejectUnauthorized: false })
  const shaken = new Promise<Shaken>((resolve) => {
    socket.once('secureConnect', () => resolve({ how: 'done', socket }))
    socket.on('error', ({ code = '' }: NodeJS.ErrnoException) => {
      if (code.startsWith('ERR_SSL_')) resolve({ how: 'alert', code })
    })
    socket.once('close', () => void gone.then((how) => resolve({ how })))
  })
  return within<Shaken>(limit, { how: 'silence' }, shaken)
}
