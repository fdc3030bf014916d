/** A small TLS server for a port that has none. It answers for armed names, and closes every other connection. */
import { createServer, type Socket } from 'node:net'
import { tlsAlpn01Service, type ArmedName } from '../../challenge/tls-alpn-01/service.js'
import type { FlowEvent } from '../../intercept/interceptor.js'
import type { Conversation } from '../../intercept/service.js'
import { parseAddress } from '../../wire/address.js'
import { allAddresses, listenAt, withNewestConnections, type OwnServer } from './own-server.js'
import type { Place } from './standalone.js'

/** The port, and what to answer there. */
export interface TlsServerOptions extends Place {
  /** Finds what answers for a name in lower case. It is asked again for each hello. */
  readonly armed: (name: string) => ArmedName | undefined
}

/** Milliseconds for a hello, and for an idle connection. */
const IDLE_TIME = 30_000

/**
 * Listens on all addresses of an IP version. When it cannot, it returns the error's name: `EADDRINUSE` when somebody
 * listens already, even on a single address.
 */
export async function openTlsServer({ port, version, armed, onEvent }: TlsServerOptions): Promise<OwnServer | string> {
  const { recognise } = tlsAlpn01Service(armed)
  const server = createServer({ allowHalfOpen: true }, (socket) => converse(socket, recognise, onEvent))
  const own = withNewestConnections(server)
  return (await listenAt(server, port, allAddresses(version))) ?? own
}

/** Reads the hello of a connection, and passes it on to the conversation that answers it. */
function converse(
  socket: Socket,
  recognise: ReturnType<typeof tlsAlpn01Service>['recognise'],
  onEvent: (event: FlowEvent) => void,
): void {
  const client = { client: parseAddress(socket.remoteAddress ?? '0.0.0.0'), clientPort: socket.remotePort ?? 0 }
  let start = Buffer.alloc(0)
  let taken: { readonly key: string; readonly conversation: Conversation } | undefined
  socket.setTimeout(IDLE_TIME, () => socket.destroy())
  // A connection that was taken over ends with a RST of our own.
  socket.on('error', () => socket.destroy())
  socket.on('data', (bytes) => {
    if (taken) return taken.conversation.receive(bytes)
    start = Buffer.concat([start, bytes])
    const recognised = recognise(start)
    if (recognised === 'partial') return
    if (recognised === 'other' || !recognised.open) return void socket.destroy()
    const connection = { send: (bytes: Uint8Array) => void socket.write(bytes), end: () => void socket.end() }
    taken = { key: recognised.key, conversation: recognised.open(connection) }
    taken.conversation.receive(start)
  })
  socket.on('end', () => (taken ? taken.conversation.end() : socket.end()))
  socket.once('close', () => {
    if (!taken) return
    const { key, conversation } = taken
    const { answer, isReceived } = conversation
    const about = { key, ...client, ...(answer && { answer }) }
    if (answer) onEvent({ kind: 'answered', ...about })
    onEvent({ kind: isReceived ? 'acknowledged' : 'abandoned', ...about })
    conversation.end()
  })
}
