import { DEFAULT_LIMITS, type Limits } from '../../src/intercept/limits.js'
import { Interceptor, type FlowEvent } from '../../src/intercept/interceptor.js'
import { http01Service } from '../../src/challenge/http-01/service.js'
import type { Stateless } from '../../src/challenge/http-01/stateless.js'
import { Connection, type Heard, type Spoken } from './segments.js'

export const token = 'LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0'
export const keyAuthorization = `${token}.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI`

/** The request line and the rest of the head, as Boulder sends them. */
export const requestLine = `GET /.well-known/acme-challenge/${token} HTTP/1.1\r\n`
export const headers = 'Host: example.com\r\nAccept: */*\r\nConnection: close\r\n\r\n'
export const request = requestLine + headers

/** What we answer, and how far the client acknowledges when it has all of it, our FIN included. */
export const reply =
  'HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n' +
  `Content-Length: ${keyAuthorization.length}\r\nConnection: close\r\n\r\n${keyAuthorization}`
export const replyEnd = reply.length + 1

/** What became of one packet. */
export interface Scene {
  /** What the server gets: the packet unchanged, another one, or nothing. */
  readonly server: 'the same' | 'nothing' | Heard
  readonly client: readonly Heard[]
  readonly events: readonly FlowEvent['kind'][]
}

/** An interceptor that knows one token, and one client's connection, at time 0. */
export class Stage {
  readonly challenges = new Map([[token, keyAuthorization]])
  readonly interceptor: Interceptor
  readonly connection: Connection
  now = 0

  constructor(connection: Connection = new Connection(), limits: Partial<Limits> = {}, stateless?: Stateless) {
    this.connection = connection
    this.interceptor = new Interceptor([http01Service(this.challenges, stateless)], { ...DEFAULT_LIMITS, ...limits })
  }

  /** The client sends a segment. */
  client(spoken: Spoken, connection: Connection = this.connection): Scene {
    const packet = connection.packet(spoken)
    const decision = this.interceptor.decide(packet, this.now)
    // The rules queue it once more.
    const { verdict, replies, events } =
      decision.verdict === 'again' ? this.interceptor.decide(packet, this.now) : decision
    const server =
      typeof verdict === 'string'
        ? ({ accept: 'the same', release: 'the same', again: 'nothing', drop: 'nothing' } as const)[verdict]
        : connection.atServer(verdict.replace)
    return {
      server,
      client: replies.map((bytes) => connection.atClient(bytes)),
      events: events.map(({ kind }) => kind),
    }
  }

  /** Time passes, and the interceptor does what is due then. */
  wait(milliseconds: number): Omit<Scene, 'server'> {
    this.now += milliseconds
    const { replies, events } = this.interceptor.poll(this.now)
    return { client: replies.map((bytes) => this.connection.atClient(bytes)), events: events.map(({ kind }) => kind) }
  }
}

/** Nothing out of the ordinary: the packet goes on as it is, and that is all. */
export const untouched: Scene = { server: 'the same', client: [], events: [] }

/** The packet is ours, and there is nothing to say to it. */
export const swallowed: Scene = { server: 'nothing', client: [], events: [] }
