/**
 * Measures what ordinary clients get under floods of requests that look like a CA's, armed compared with unarmed under
 * the same flood, and whether true validations are answered meanwhile.
 */
import { inRepository } from '../../src/lab/repository.js'
import type { BenchLab, Tracking } from './bench-lab.js'
import { exchange } from './client-socket.js'
import { emptyComparison, type Comparison } from './figures.js'
import { armIn } from './states.js'
import { port } from './web-server.js'
import { askAfterFalseTokens, startFalseTokens, wrk, type Flood } from './wrk.js'

/** The floods, in words for a table. */
export const floodNames = {
  falseTokensKept: 'false tokens, on kept connections',
  falseTokensNew: 'false tokens, each on a new connection',
  halfRequests: 'half requests',
  statelessKept: 'false tokens, on kept connections, all answered (`serve --account`)',
  statelessNew: 'false tokens, each on a new connection, all answered (`serve --account`)',
} as const

export type FloodName = keyof typeof floodNames

/** One flood, armed (the values) and unarmed right before (the baselines). */
export interface FloodResult {
  readonly flood: FloodName
  /** Requests a second of ordinary clients, on kept connections and on new ones. */
  readonly kept: Comparison
  readonly fresh: Comparison
  /** What the flood itself came to: requests a second, or packets. */
  readonly rate: Comparison
  /** True validations asked for while it was armed. */
  readonly asked: number
  readonly answered: number
}

/** The results with one kind of server. */
export interface FloodResults {
  readonly tracking: Tracking
  readonly rounds: number
  readonly floods: readonly FloodResult[]
  /** Requests a second on connections whose first request was for a false token. */
  readonly afterFalseToken: Comparison
}

/** Requests or packets a second, at most. */
const rates: Readonly<Record<FloodName, number>> = {
  falseTokensKept: 10_000,
  falseTokensNew: 10_000,
  halfRequests: 20_000,
  statelessKept: 10_000,
  statelessNew: 10_000,
}

/** The floods under which any token is answered. */
const stateless: readonly FloodName[] = ['statelessKept', 'statelessNew']

/** Milliseconds between true validations, and for one: pebble and Boulder wait 10 s and longer. */
const validationInterval = 200
const validationPatience = 10_000

/** Measures; `report` gets a line for each pair of samples. */
export async function measureFloods(
  lab: BenchLab,
  { rounds, seconds }: { rounds: number; seconds: number },
  report: (line: string) => void,
): Promise<FloodResults> {
  const results = (Object.keys(floodNames) as FloodName[]).map(emptyResult)
  const afterFalseToken = emptyComparison()
  // Of half requests from hosts that do not exist, the answers go to the validator, which drops them.
  await lab.server.exec(['ip', 'route', 'add', '198.51.100.0/24', 'via', lab.validator.addresses.ipv4])
  // One that is not counted: caches, and the processor's clock.
  await sample(lab, 1)
  for (let round = 1; round <= rounds; round++) {
    for (const result of round % 2 === 1 ? results : [...results].reverse()) {
      const { flood } = result
      const baseline = await under(lab, flood, seconds)
      if (stateless.includes(flood)) await lab.responder.stand(lab.challenge)
      await armIn(lab)
      const validations = validate(lab)
      const armed = await under(lab, flood, seconds)
      const { asked, answered, wrong } = validations.stop()
      await lab.responder.stop()
      for (const quantity of ['kept', 'fresh', 'rate'] as const) {
        result[quantity].baselines.push(baseline[quantity])
        result[quantity].values.push(armed[quantity])
      }
      result.asked += asked
      result.answered += answered
      report(
        `tracking ${lab.tracking}, round ${round} of ${rounds}, ${floodNames[flood]}: ${Math.round(armed.kept)} and ${Math.round(armed.fresh)} requests/s, unarmed ${Math.round(baseline.kept)} and ${Math.round(baseline.fresh)}; ${answered} of ${asked} validations${wrong.map((reply) => `, ${JSON.stringify(reply.slice(0, 40))}`).join('')}`,
      )
    }
    afterFalseToken.baselines.push(await askAfterFalseTokens(lab, `http://${lab.for.bystanders}/`, seconds))
    await armIn(lab)
    afterFalseToken.values.push(await askAfterFalseTokens(lab, `http://${lab.for.bystanders}/`, seconds))
    await lab.responder.stop()
    await lab.forgetConnections()
  }
  return { tracking: lab.tracking, rounds, floods: results, afterFalseToken }
}

interface Sample {
  readonly kept: number
  readonly fresh: number
}

async function sample(lab: BenchLab, seconds: number): Promise<Sample> {
  const url = `http://${lab.for.bystanders}/`
  const kept = await wrk(lab, url, { seconds, isEachOnItsOwn: false })
  const fresh = await wrk(lab, url, { seconds, isEachOnItsOwn: true })
  return { kept: kept.requestsPerSecond, fresh: fresh.requestsPerSecond }
}

/** Measures while a flood comes in. */
async function under(lab: BenchLab, name: FloodName, seconds: number): Promise<Sample & { rate: number }> {
  await lab.forgetConnections()
  const flood = await start(lab, name)
  const measured = await sample(lab, seconds)
  return { ...measured, rate: await flood.stop() }
}

function start(lab: BenchLab, name: FloodName): Promise<Flood> {
  const rate = rates[name]
  if (name === 'halfRequests') return startHalfRequests(lab, rate)
  return startFalseTokens(lab, `http://${lab.for.flood}/`, rate, name === 'falseTokensNew' || name === 'statelessNew')
}

/** A process of its own sends them, so that it also does while this one waits for a system call. */
async function startHalfRequests(lab: BenchLab, rate: number): Promise<Flood> {
  const sender = lab.validator.spawn([
    process.execPath,
    '--import=@tapjs/typescript/import',
    inRepository('test/bench/half-requests.ts'),
    lab.for.flood,
    String(rate),
  ])
  await sender.waitForOutput(/begins/)
  return {
    async stop() {
      await sender.stop('SIGINT')
      return Number(/^rate (\S+)$/m.exec(sender.output())?.[1])
    },
  }
}

/** Asks for the armed challenge again and again, until it is stopped. */
function validate(lab: BenchLab): { stop(): { asked: number; answered: number; wrong: string[] } } {
  const replies: string[] = []
  const timer = setInterval(() => {
    replies.push(replyToValidation(lab))
  }, validationInterval)
  return {
    stop: () => {
      clearInterval(timer)
      const wrong = replies.filter((reply) => reply !== lab.challenge.reply)
      return { asked: replies.length, answered: replies.length - wrong.length, wrong }
    },
  }
}

/** Returns the reply to a true validation. A wrong one begins with how it ended, or why it could not even connect. */
function replyToValidation(lab: BenchLab): string {
  const target = { address: lab.for.validators, port }
  try {
    const { reply, ending, milliseconds } = exchange(lab.validator, target, lab.challenge.request, validationPatience)
    return reply === lab.challenge.reply ? reply : `${ending} after ${Math.round(milliseconds)} ms: ${reply}`
  } catch (error) {
    return String(error)
  }
}

function emptyResult(flood: FloodName) {
  return { flood, kept: emptyComparison(), fresh: emptyComparison(), rate: emptyComparison(), asked: 0, answered: 0 }
}
