import { http01Service } from '../../src/challenge/http-01/service.js'
import { Interceptor } from '../../src/intercept/interceptor.js'
import { fromText } from '../fixtures/hex.js'
import { ModelPeer } from './model-peer.js'
import { Connection, type ConnectionOptions } from './segments.js'
import { SimulatedLink, type Faults } from './simulated-link.js'
import { keyAuthorization, token } from './stage.js'

/** How the client ends a connection. */
export type Closing =
  | 'when the server does'
  | 'at once, with its request'
  | 'never'
  | 'by reset, when it has data'
  | 'by reset, with its request'
  | 'by vanishing'

export interface Scenario {
  /** Of the link's random numbers. */
  readonly seed: number
  readonly connection: ConnectionOptions
  readonly hasTimestamps: boolean
  /**
   * What the client sends, each piece in a segment. A request before it that the server answers may come first, in a
   * segment too.
   */
  readonly pieces: readonly string[]
  readonly isSecondRequest: boolean
  readonly closing: Closing
  readonly toServer: Faults
  readonly toClient: Faults
}

export interface Outcome {
  /** What both applications were given, and how their connection ended. */
  readonly client: Pick<ModelPeer, 'received' | 'end' | 'hasOtherFinished'>
  readonly server: Pick<ModelPeer, 'received' | 'end' | 'hasOtherFinished'>
  readonly isTakenOver: boolean
  /** Whether the RST hit: not when the server's kernel has more of the request than has been seen in order. */
  readonly hasResetHit: boolean
  /** When the client had our reply, or the server's, in milliseconds; Infinity if never. */
  readonly answeredAt: number
  /** Packets that were not accepted as they came, or were answered. */
  readonly touched: number
  /** Packets the server sent while the connection was taken over. */
  readonly leaked: number
  /** Connections the interceptor still remembers when all is over. */
  readonly remembered: number
}

export const firstRequest = 'GET / HTTP/1.1\r\nHost: example.com\r\n\r\n'
export const firstAnswer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'
/** What the server says to any request that reaches it whole, but the one above; then it closes. */
export const serverAnswer = 'HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\nConnection: close\r\n\r\nnot here!'

const STEP = 100
/** Longer than any flow may be remembered, whatever the client does. */
const END = 240_000

/** Runs one exchange to its end on a virtual clock. The same scenario gives the same outcome. */
export function simulate(scenario: Scenario): Outcome {
  const link = new SimulatedLink(scenario.seed)
  const interceptor = new Interceptor([http01Service(new Map([[token, keyAuthorization]]))])
  const connection = new Connection(scenario.connection)
  const seen = { isTakenOver: false, hasResetHit: false, answeredAt: Infinity, touched: 0, leaked: 0 }
  const { clientStart, serverStart, clientPort, toServer, toClient } = connection
  const [clientClock, serverClock] = [4_294_960_000, 70_000]

  const toTheClient = (bytes: Uint8Array) =>
    link.send(bytes, scenario.toClient, (part) => client.receive(part, link.now))
  const client = new ModelPeer({
    envelope: toServer,
    port: clientPort,
    otherPort: 80,
    sendStart: clientStart,
    receiveStart: serverStart,
    clocks: scenario.hasTimestamps ? { own: clientClock, other: serverClock - 50 } : undefined,
    send: (bytes) => link.send(bytes, scenario.toServer, (part) => arrive(part)),
  })
  const server = new ModelPeer({
    envelope: toClient,
    port: 80,
    otherPort: clientPort,
    sendStart: serverStart,
    receiveStart: clientStart,
    clocks: scenario.hasTimestamps ? { own: serverClock, other: clientClock - 50 } : undefined,
    send: (bytes) => {
      if (seen.isTakenOver && interceptor.flows > 0) seen.leaked++
      toTheClient(bytes)
    },
  })

  /** The hook: between it and the server's kernel nothing is lost. */
  function arrive(bytes: Uint8Array): void {
    const { verdict, replies } = interceptor.decide(bytes, link.now)
    if (verdict === 'again') {
      arrive(bytes)
      return
    }
    const isUntouched = verdict === 'accept' || verdict === 'release'
    if (!isUntouched || replies.length > 0) seen.touched++
    replies.forEach(toTheClient)
    if (isUntouched) server.receive(bytes, link.now)
    else if (verdict !== 'drop') {
      seen.isTakenOver = true
      server.receive(verdict.replace, link.now)
      seen.hasResetHit ||= server.end === 'reset'
    }
  }

  serve(server)
  ask(client, scenario, () => (seen.answeredAt = Math.min(seen.answeredAt, link.now)))
  while (link.now < END) {
    link.advance(link.now + STEP)
    client.tick(link.now)
    server.tick(link.now)
    interceptor.poll(link.now).replies.forEach(toTheClient)
    if (link.isEmpty && interceptor.flows === 0 && isQuiet(client) && isQuiet(server)) break
  }
  return { ...seen, client, server, remembered: interceptor.flows }
}

/** A web server that answers the first request of a connection and leaves it open, and answers any other and closes. */
function serve(server: ModelPeer): void {
  let answered = 0
  server.onReceive = () => {
    const heads = server.received.split('\r\n\r\n').length - 1
    while (answered < heads) {
      answered++
      const isFirst = answered === 1 && server.received.startsWith(firstRequest)
      server.write([fromText(isFirst ? firstAnswer : serverAnswer)], !isFirst)
    }
    if (server.hasOtherFinished && heads === 0) server.write([], true)
  }
}

function ask(client: ModelPeer, { pieces, isSecondRequest, closing }: Scenario, onAnswer: () => void): void {
  let hasAsked = false
  const send = () => {
    hasAsked = true
    client.write(pieces.map(fromText), closing === 'at once, with its request')
    if (closing === 'by reset, with its request') client.abort()
    if (closing === 'by vanishing') client.vanish()
  }
  let hasClosed = closing === 'at once, with its request'
  client.onReceive = () => {
    if (!hasAsked && client.received === firstAnswer) return send()
    if (!hasAsked) return
    if (client.hasOtherFinished) onAnswer()
    if (closing === 'by reset, when it has data') client.abort()
    if (closing !== 'when the server does' || !client.hasOtherFinished || hasClosed) return
    hasClosed = true
    client.write([], true)
  }
  if (isSecondRequest) client.write([fromText(firstRequest)])
  else send()
}

function isQuiet(peer: ModelPeer): boolean {
  return peer.end !== undefined || peer.hasAllAcknowledged
}
