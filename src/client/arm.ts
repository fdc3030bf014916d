/** Arms a challenge of any ACME client: passes it to the responder, and starts a responder if there is none. */
import type { Challenge } from '../challenge/challenge.js'
import { request } from '../control/client.js'
import type { ControlRequest } from '../control/message.js'
import type { SelfCheckOrder } from '../control/self-check-order.js'
import { Failure, isFailure } from '../failure.js'

/** How to arm a challenge. */
export interface ArmOptions {
  readonly port: number
  /** Seconds. */
  readonly ttl: number
  readonly socket: string
  /** Whether the caller makes a self-check if the responder orders one. */
  readonly selfCheck?: boolean
  /** How the responder is asked; `request` by default. */
  readonly ask?: Ask
}

/** Sends a request to the socket at `path`, as `request` does. */
export type Ask = (path: string, message: ControlRequest) => ReturnType<typeof request>

/**
 * Starts a responder. Resolves once it listens, or once it has found that another one holds the lock.
 * @throws Failure of its start
 */
export type Launch = () => Promise<void>

/** Milliseconds for all tries together. */
const TIME_LIMIT = 30_000

/** Milliseconds between a launch and the next one, doubled each time. */
const FIRST_PATIENCE = 200

/** Milliseconds between tries while another responder starts or ends. */
const PAUSE = 25

/** The number of responders that may end without an answer before that is a failure. */
const MAX_LOSSES = 3

/**
 * Arms a challenge. Resolves when the queue is bound and the rules contain the token: to the order of a self-check if
 * one is due, otherwise to nothing.
 * @throws Failure of the responder or of its start
 */
export async function arm(
  challenge: Challenge,
  { port, ttl, socket, selfCheck, ask = request }: ArmOptions,
  launch: Launch,
): Promise<SelfCheckOrder | undefined> {
  const message = { op: 'arm', ...challenge, port, ttl, ...(selfCheck && { selfCheck: true as const }) } as const
  // The time of day may be set meanwhile, so it is not used.
  const end = performance.now() + TIME_LIMIT
  let nextLaunch = 0
  let losses = 0
  for (let patience = FIRST_PATIENCE; ;) {
    const response = await ask(socket, message).catch((thrown: unknown) => {
      // It may have been killed between request and response. Arming a second time does no harm.
      if (isFailure(thrown) && thrown.code === 'responder-lost' && ++losses < MAX_LOSSES) return 'lost'
      throw thrown
    })
    if (typeof response === 'object') return response.check
    if (performance.now() > end)
      throw new Failure('responder-not-started', 'the responder neither starts nor ends: gave up after 30 s')
    if (response === 'absent' && performance.now() >= nextLaunch) {
      await launch()
      // If another responder got the lock, it needs the processor more than another try does.
      nextLaunch = performance.now() + patience
      patience *= 2
    } else {
      await new Promise((resolve) => setTimeout(resolve, PAUSE))
    }
  }
}
