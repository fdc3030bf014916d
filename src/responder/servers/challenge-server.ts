/** A small web server for a port that has none. It serves armed challenges, and 404 for everything else. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:net'
import { isAnsweredFor, statelessAnswer, type Stateless } from '../../challenge/http-01/stateless.js'
import type { FlowEvent } from '../../intercept/interceptor.js'
import { parseAddress } from '../../wire/address.js'
import { CHALLENGE_PATH } from '../../wire/http/http.js'
import { allAddresses, listenAt, withNewestConnections, type OwnServer } from './own-server.js'
import type { Place } from './standalone.js'

/** The port, and what to serve on it. */
export interface ChallengeServerOptions extends Place {
  /** The key authorization of each token. It is read again for each request. */
  readonly challenges: ReadonlyMap<string, string>
  /** Returns what any other token is answered by; nothing by default. */
  readonly stateless?: (() => Stateless | undefined) | undefined
}

/** Milliseconds for a request, and for an idle connection. */
const REQUEST_TIME = 30_000

/** The longest head of a request. A validator's has a few hundred bytes. */
const MAX_HEADER = 8 * 1024

/**
 * Listens on all addresses of an IP version. When it cannot, it returns the error's name: `EADDRINUSE` when somebody
 * listens already, even on a single address.
 */
export async function openChallengeServer({
  port,
  version,
  challenges,
  stateless = () => undefined,
  onEvent,
}: ChallengeServerOptions): Promise<OwnServer | string> {
  const host = allAddresses(version)
  const probe = createServer()
  const refusal = await listenAt(probe, port, host)
  if (refusal !== undefined) return refusal
  await new Promise((resolve) => probe.close(resolve))
  // Loaded on demand: nearly everywhere somebody listens, and without it a responder is 2 MB smaller.
  const http = await import('node:http')
  const limits = {
    maxHeaderSize: MAX_HEADER,
    headersTimeout: REQUEST_TIME,
    requestTimeout: REQUEST_TIME,
    connectionsCheckingInterval: 1_000,
  }
  const server = http.createServer({ ...limits, keepAlive: false }, (request, response) =>
    answer(request, response, { challenges, stateless: stateless() }, onEvent),
  )
  const own = withNewestConnections(server)
  server.setTimeout(REQUEST_TIME, (socket) => socket.destroy())
  // A connection that was taken over ends with a RST of our own.
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy()
    else socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
  })
  return (await listenAt(server, port, host)) ?? own
}

/** Answers the same requests, with the same reply, as over a connection that was taken over (wire/http/http.ts). */
function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { challenges, stateless }: { challenges: ReadonlyMap<string, string>; stateless: Stateless | undefined },
  onEvent: (event: FlowEvent) => void,
): void {
  const { method, url = '', socket } = request
  const token = url.startsWith(CHALLENGE_PATH) ? url.slice(CHALLENGE_PATH.length) : ''
  const others = stateless && isAnsweredFor(stateless, hostOf(request)) ? stateless : undefined
  const keyAuthorization = challenges.get(token) ?? (others && statelessAnswer(others, token))
  response.sendDate = false
  if ((method !== 'GET' && method !== 'HEAD') || keyAuthorization === undefined) {
    response
      .writeHead(404, { 'Content-Type': 'text/plain', 'Content-Length': 10, 'Connection': 'close' })
      .end('Not Found\n')
    return
  }
  const client = parseAddress(socket.remoteAddress ?? '0.0.0.0')
  const sent = { status: 200, bytes: method === 'HEAD' ? 0 : keyAuthorization.length }
  const tell = (kind: FlowEvent['kind']) =>
    onEvent({ kind, key: token, client, clientPort: socket.remotePort ?? 0, answer: sent })
  tell('answered')
  socket.once('close', (hadError) => tell(hadError || !response.writableFinished ? 'abandoned' : 'acknowledged'))
  response
    .writeHead(200, {
      'Content-Type': 'application/octet-stream',
      'Content-Length': keyAuthorization.length,
      'Connection': 'close',
    })
    .end(keyAuthorization)
}

/** Returns the value of the Host field; nothing when there is not exactly one. */
function hostOf({ rawHeaders }: IncomingMessage): string {
  const hosts = rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === 'host')
  return hosts.length === 1 ? (hosts[0] ?? '') : ''
}
