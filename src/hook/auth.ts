/** The auth hook: hands the challenge to the responder, and starts that first where there is none. */
import { request } from '../control/client.js'
import { Failure } from '../failure.js'
import { readChallenge, type Environment } from './challenge.js'

export interface AuthOptions {
  readonly port: number
  /** Seconds. */
  readonly ttl: number
  readonly socket: string
}

/** Starts a responder; resolves once it listens, or once it has found that another holds the lock. @throws Failure of its start */
export type Launch = () => Promise<void>

/** Milliseconds for all tries together. */
const TIME_LIMIT = 30_000

/** Milliseconds between tries while another responder starts or ends. */
const PAUSE = 25

/** Returns once the challenge is armed: queue bound, rules live, token known. @throws Failure */
export async function auth(environment: Environment, { port, ttl, socket }: AuthOptions, launch: Launch): Promise<void> {
  const message = { op: 'arm', ...readChallenge(environment), port, ttl } as const
  const end = Date.now() + TIME_LIMIT
  for (let isFirst = true; ; isFirst = false) {
    const response = await request(socket, message)
    if (typeof response === 'object') return
    if (Date.now() > end) throw new Failure('responder-not-started', 'the responder neither starts nor ends: gave up after 30 s')
    if (!isFirst) await new Promise((resolve) => setTimeout(resolve, PAUSE))
    if (response === 'absent') await launch()
  }
}
