/** The targets of the figures, and whether they are met. */
import type { BenchResults } from './results.js'
import type { BystanderResults, QuantityName, StateResult } from './bystanders.js'
import { formatRatio, formatRatios, median, medianRatio, type Comparison } from './figures.js'
import { floodNames, type FloodResults } from './floods.js'

/** One target, as a sentence, and how it came out. */
export interface Outcome {
  readonly sentence: string
  readonly isMet: boolean
}

/** What is aimed at where the page says so: ratios at most, and milliseconds of processor time for a further token. */
export const targets = {
  reply: 2,
  warmAuth: 1.5,
  coldAuth: 4,
  cleanup: 1.5,
  lastCleanup: 1.5,
  token: 3,
  order: 1.1,
  memory: 1.35,
} as const

/** Every target for which there is a measurement; medians decide. */
export function judge({ bystanders, floods, challenges, hooks, arming, memory, orders }: BenchResults): Outcome[] {
  return [
    ...bystanders.flatMap(judgeBystanders),
    ...floods.flatMap(judgeFloods),
    ...(challenges
      ? [atMost(targets.reply, 'Challenge reply, p50, against nginx with the same file', challenges.p50)]
      : []),
    ...(hooks
      ? [
          atMost(targets.warmAuth, 'Warm `auth` against `node -e 0`', hooks.warmAuth),
          atMost(targets.coldAuth, 'Cold `auth` against `node -e 0`', hooks.coldAuth),
          atMost(targets.cleanup, '`cleanup`, not the last, against `node -e 0`', hooks.cleanup),
          atMost(targets.lastCleanup, '`cleanup`, the last, against `node -e 0`', hooks.lastCleanup),
        ]
      : []),
    ...(arming
      ? [
          outcome(
            median(arming.responder) < targets.token,
            `Processor time of the responder for each of the tokens 2 to 100: less than ${targets.token} ms wanted, ${median(arming.responder).toFixed(1)} ms measured`,
          ),
        ]
      : []),
    ...(orders ? [atMost(targets.order, 'certbot for one name against `--webroot`, wall time', orders.one)] : []),
    ...(memory
      ? [atMost(targets.memory, 'Resident memory of the responder, armed, against an idle Node', memory.armed)]
      : []),
  ]
}

function judgeBystanders({ tracking, states }: BystanderResults): Outcome[] {
  const where = `tracking ${tracking}`
  const kinds = [
    ['keep-alive', 'keptRate', 'keptP99'],
    ['new connections', 'freshRate', 'freshP99'],
  ] as const
  const of = (state: StateResult['state'], quantity: QuantityName) =>
    states.find((result) => result.state === state)?.comparisons[quantity]
  const judged = (
    state: StateResult['state'],
    quantity: QuantityName,
    judge: typeof atMost,
    bound: number,
    what: string,
  ) => {
    const comparison = of(state, quantity)
    return comparison ? [judge(bound, `${what} (${where})`, comparison)] : []
  }
  return [
    ...kinds.flatMap(([kind, rate, p99]) => [
      ...judged('armed', rate, atLeast, 0.97, `Requests/s, ${kind}, armed against unarmed`),
      ...judged('armed', p99, atMost, 1.05, `p99, ${kind}, armed against unarmed`),
      ...judged('hundred', rate, atLeast, 0.97, `Requests/s, ${kind}, armed with 100 tokens against unarmed`),
      ...judged('hundred', p99, atMost, 1.05, `p99, ${kind}, armed with 100 tokens against unarmed`),
      ...judged('thousand', rate, atLeast, 0.97, `Requests/s, ${kind}, armed with 1,000 tokens against unarmed`),
    ]),
  ]
}

function judgeFloods({ tracking, floods, afterFalseToken }: FloodResults): Outcome[] {
  const where = `tracking ${tracking}`
  return [
    ...floods.flatMap(({ flood, kept, fresh, asked, answered }) => [
      atLeast(0.95, `Requests/s, keep-alive, under ${floodNames[flood]}, armed against unarmed (${where})`, kept),
      atLeast(0.95, `Requests/s, new connections, under ${floodNames[flood]}, armed against unarmed (${where})`, fresh),
      outcome(
        asked > 0 && answered === asked,
        `True validations under ${floodNames[flood]} (${where}): all wanted, ${answered} of ${asked} answered`,
      ),
    ]),
    atLeast(0.97, `Requests/s after a false token, armed against unarmed (${where})`, afterFalseToken),
  ]
}

function atMost(bound: number, what: string, comparison: Comparison): Outcome {
  return outcome(
    medianRatio(comparison) <= bound,
    `${what}: at most ${formatRatio(bound)} wanted, ${formatRatios(comparison)} measured`,
  )
}

function atLeast(bound: number, what: string, comparison: Comparison): Outcome {
  return outcome(
    medianRatio(comparison) >= bound,
    `${what}: at least ${formatRatio(bound)} wanted, ${formatRatios(comparison)} measured`,
  )
}

function outcome(isMet: boolean, sentence: string): Outcome {
  return { sentence: `${sentence}: ${isMet ? '**met**' : '**missed**'}.`, isMet }
}
