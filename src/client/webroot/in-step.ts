/** Keeps a responder in step with what is to be armed. */
import { request } from '../../control/client.js'
import type { ControlRequest } from '../../control/message.js'
import { pause, type Clock } from '../../responder/clock.js'
import type { Keep } from './webroot.js'

/** How the responder is asked. */
export interface InStepOptions {
  readonly socket: string
  readonly port: number
  /** Seconds after which the responder forgets a challenge by itself. */
  readonly ttl: number
  readonly clock: Clock
  /** Called when the responder refuses. It is asked again after a while. */
  readonly onFailure: (thrown: unknown) => void
  /** `request` by default. */
  readonly ask?: typeof request
}

/** What people see in place of the name that is validated. A webroot does not tell that. */
const IDENTIFIER = 'webroot'

/** Milliseconds until a refused request is made again. */
const PAUSE = 5_000

/** Requests that are made at a time. */
const AT_ONCE = 16

/** What is wanted of a token. Another object is another wish: the same key authorization gets a new time to live. */
interface Wish {
  readonly keyAuthorization: string | undefined
}

/**
 * Returns a {@link Keep} for a running responder. Requests for different tokens are made at the same time, because the
 * responder then changes its rules once for several. Those for one token are made one after the other.
 */
export function keepInStep({ socket, port, ttl, clock, onFailure, ask = request }: InStepOptions): Keep {
  const wishes = new Map<string, Wish>()
  const atMost = limit(AT_ONCE)
  let trouble: Promise<void> | undefined

  return (token, keyAuthorization) => {
    const isBusy = wishes.has(token)
    wishes.set(token, { keyAuthorization })
    if (!isBusy) void settle(token)
  }

  async function settle(token: string): Promise<void> {
    for (let done: Wish | undefined; done !== wishes.get(token);) done = await atMost(() => carryOut(token))
    wishes.delete(token)
  }

  /** Returns the wish that was carried out; `undefined` when that failed. */
  async function carryOut(token: string): Promise<Wish | undefined> {
    await trouble
    const wish = wishes.get(token)
    try {
      await ask(socket, requestFor(token, wish?.keyAuthorization))
      return wish
    } catch (thrown) {
      onFailure(thrown)
      trouble ??= pause(clock, PAUSE).then(() => (trouble = undefined))
      return undefined
    }
  }

  function requestFor(token: string, keyAuthorization: string | undefined): ControlRequest {
    return keyAuthorization === undefined
      ? { op: 'disarm', token }
      : { op: 'arm', token, keyAuthorization, identifier: IDENTIFIER, port, ttl }
  }
}

/** Returns a function that runs tasks, `most` at a time, in the order of its calls. */
function limit(most: number): <Result>(task: () => Promise<Result>) => Promise<Result> {
  const waiting: (() => void)[] = []
  let running = 0
  return async (task) => {
    if (running === most) await new Promise<void>((resolve) => waiting.push(resolve))
    else running++
    try {
      return await task()
    } finally {
      // Whoever is next takes over this one's place.
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }
}
