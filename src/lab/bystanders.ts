import { setTimeout as delay } from 'node:timers/promises'
import { request, type HttpRequest } from './http.js'
import type { Namespace } from './namespace.js'

/** Ordinary clients at work. */
export interface Bystanders {
  /** Ends them. Returns the number of requests they made, and of those that were not answered as expected. */
  stop(): Promise<{ readonly requests: number; readonly failures: readonly string[] }>
}

const pauseMilliseconds = 20

/**
 * Sends requests one after another until stopped, each on a connection of its own; each must be answered 200 with
 * `body`.
 */
export function startBystanders(from: Namespace, to: HttpRequest, body: string): Bystanders {
  const stopping = new AbortController()
  let requests = 0
  const failures: string[] = []
  const work = (async () => {
    while (!stopping.signal.aborted) {
      const response = await request(from, to)
      requests += 1
      if (response.status !== 200 || response.body !== body) failures.push(`${response.head}\n${response.body}`)
      await delay(pauseMilliseconds)
    }
  })()
  return {
    async stop() {
      stopping.abort()
      await work
      return { requests, failures }
    },
  }
}
