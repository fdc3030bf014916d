/**
 * Measures how fast the responder answers, one request after another and as many as it can, compared with nginx and the
 * same file on disk.
 */
import type { BenchLab } from './bench-lab.js'
import { exchange } from './client-socket.js'
import { percentile, type Comparison } from './figures.js'
import { port, unarmedPort } from './web-server.js'
import { wrk } from './wrk.js'

/** The two sides' times, in milliseconds, a block of requests for each pair, and their rates. */
export interface ChallengeResults {
  readonly p50: Comparison
  readonly p99: Comparison
  /** Requests on each side. */
  readonly requests: number
  /** Replies per second, wrk's 32 clients at once, each reply on a connection of its own. */
  readonly rate: Comparison
  /** Requests that were not answered, by wrk's count. */
  readonly failures: number
}

const blocks = 5

/** Measures; arms the challenge for as long as it takes. `requests` is for each side. */
export async function measureChallenges(
  lab: BenchLab,
  { requests, seconds }: { requests: number; seconds: number },
): Promise<ChallengeResults> {
  await lab.responder.arm(lab.challenge)
  try {
    const times = Array.from({ length: blocks }, () => timesOf(lab, requests / blocks))
    const forged: number[] = []
    const served: number[] = []
    let failures = 0
    for (let round = 0; round < blocks; round++) {
      for (const [rates, origin] of [
        [served, `${lab.for.validators}:${unarmedPort}`],
        [forged, lab.for.validators],
      ] as const) {
        await lab.forgetConnections()
        const run = await wrk(lab, `http://${origin}${lab.challenge.path}`, { seconds, isEachOnItsOwn: true })
        rates.push(run.requestsPerSecond)
        failures += run.failures
      }
    }
    const compare = (share: number): Comparison => ({
      values: times.map(({ ours }) => percentile(ours, share)),
      baselines: times.map(({ nginx }) => percentile(nginx, share)),
    })
    return { p50: compare(0.5), p99: compare(0.99), requests, rate: { values: forged, baselines: served }, failures }
  } finally {
    await lab.responder.stop()
  }
}

/** In turns, one by one. Not forged and not right is an error: a time that means nothing must not be counted. */
function timesOf(lab: BenchLab, count: number): { ours: number[]; nginx: number[] } {
  const ours: number[] = []
  const nginx: number[] = []
  for (let number = 0; number < count; number++) {
    for (const [times, toPort] of [
      [nginx, unarmedPort],
      [ours, port],
    ] as const) {
      const { milliseconds, reply } = exchange(
        lab.validator,
        { address: lab.for.validators, port: toPort },
        lab.challenge.request,
      )
      const isRight =
        toPort === port
          ? reply === lab.challenge.reply
          : reply.startsWith('HTTP/1.1 200 ') && reply.endsWith(lab.challenge.keyAuthorization)
      if (!isRight) throw new Error(`port ${toPort} answered ${JSON.stringify(reply)}`)
      times.push(milliseconds)
    }
  }
  return { ours, nginx }
}
