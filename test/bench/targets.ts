/** The targets of the figures, and whether they are met. */
import type { BenchResults } from './results.js'
import type { BystanderResults, QuantityName, StateResult } from './bystanders.js'
import { formatRatio, formatRatios, medianRatio, type Comparison } from './figures.js'

/** One target, as a sentence, and how it came out. */
export interface Outcome {
  readonly sentence: string
  readonly isMet: boolean
}

/** Every target for which there is a measurement; medians decide. */
export function judge({ bystanders, challenges, hooks, memory }: BenchResults): Outcome[] {
  return [
    ...bystanders.flatMap(judgeBystanders),
    ...(challenges ? [atMost(2, 'Challenge reply, p50, against nginx with the same file', challenges.p50)] : []),
    ...(hooks
      ? [
          atMost(1.5, 'Warm `auth` against `node -e 0`', hooks.warmAuth),
          atMost(4, 'Cold `auth` against `node -e 0`', hooks.coldAuth),
          atMost(1.5, '`cleanup`, not the last, against `node -e 0`', hooks.cleanup),
          atMost(1.5, '`cleanup`, the last, against `node -e 0`', hooks.lastCleanup),
        ]
      : []),
    ...(memory ? [atMost(1.35, 'Resident memory of the responder, armed, against an idle Node', memory.armed)] : []),
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
      ...judged('floodedAlike', rate, atLeast, 0.9, `Requests/s, ${kind}, armed against unarmed, both under the flood`),
      ...judged(
        'flooded',
        rate,
        atLeast,
        0.9,
        `Requests/s, ${kind}, armed and flooded against unarmed and not flooded`,
      ),
    ]),
    ...states.filter(({ state }) => state === 'flooded').map((result) => judgeValidations(result, where)),
  ]
}

function judgeValidations({ floods }: StateResult, where: string): Outcome {
  const asked = floods.reduce((total, flood) => total + flood.asked, 0)
  const answered = floods.reduce((total, flood) => total + flood.answered, 0)
  const isMet = asked > 0 && answered === asked
  return {
    sentence: `True validations answered under the flood (${where}): all wanted, ${answered} of ${asked} measured: ${word(isMet)}.`,
    isMet,
  }
}

function atMost(bound: number, what: string, comparison: Comparison): Outcome {
  const isMet = medianRatio(comparison) <= bound
  return {
    sentence: `${what}: at most ${formatRatio(bound)} wanted, ${formatRatios(comparison)} measured: ${word(isMet)}.`,
    isMet,
  }
}

function atLeast(bound: number, what: string, comparison: Comparison): Outcome {
  const isMet = medianRatio(comparison) >= bound
  return {
    sentence: `${what}: at least ${formatRatio(bound)} wanted, ${formatRatios(comparison)} measured: ${word(isMet)}.`,
    isMet,
  }
}

function word(isMet: boolean): string {
  return isMet ? '**met**' : '**missed**'
}
