/**
 * Chaos: `npm run test:chaos`. Runs cycles of ACME clients, validators, bystanders, faults and a bad cable. After each,
 * it checks whether every promise was kept. It ends with status 1 at the first broken promise, and prints everything
 * about it.
 *
 * - `--seed N`: the seed of the cycles; by default a new one each time.
 * - `--cycles N`: the number of cycles, by default 200.
 * - `--first N`: the first of them, by default 0; to go on with a run that was stopped.
 * - `--only N`: this cycle alone.
 * - `--lanes N`: the number of cycles at a time, each in a lab of its own; by default 6.
 * - `--tls N`: how many runs of a hundred are by tls-alpn-01, on port 443; by default 30.
 * - `--dns N`: how many are by dns-01, on port 53; by default 20. The others are by http-01.
 *
 * On another kernel: `bash test/vm/run test/chaos/main.ts`, with the options in the variable CERTBOT_NFQ_CHAOS.
 */
import { inspect, parseArgs } from 'node:util'
import { kernelUnavailable } from '../../src/lab/kernel-unavailable.js'
import { missingPrograms } from '../../src/lab/programs.js'
import { isInterrupted } from '../../src/lab/while-open.js'
import { runCycle, type CycleRecord } from './cycle.js'
import { findMeans, type Means } from './means.js'
import { planCycle } from './plan.js'
import { summarise } from './summary.js'

const { values: options } = parseArgs({
  args: process.env['CERTBOT_NFQ_CHAOS']?.split(' ').filter(Boolean) ?? process.argv.slice(2),
  options: {
    seed: { type: 'string' },
    cycles: { type: 'string' },
    first: { type: 'string' },
    only: { type: 'string' },
    lanes: { type: 'string' },
    tls: { type: 'string' },
    dns: { type: 'string' },
  },
})
const seed = wholeNumber('seed', options.seed, Date.now() % 1_000_000)
const cycles = wholeNumber('cycles', options.cycles, 200)
const first = wholeNumber('first', options.first, 0)
const lanes = wholeNumber('lanes', options.lanes, 6)
const shares = { tls: wholeNumber('tls', options.tls, 30) / 100, dns: wholeNumber('dns', options.dns, 20) / 100 }
const start = performance.now()

try {
  await chaos()
} catch (error) {
  // What fails after a signal fails because the lab is being closed; the signal then ends this process.
  if (!isInterrupted()) {
    console.log(`# chaos: ${inspect(error)}`)
    process.exitCode = 1
  }
}

async function chaos(): Promise<void> {
  const reason = (await kernelUnavailable()) ?? (await missingPrograms(['nginx', 'nft', 'openssl', 'dig']))
  if (reason !== undefined) throw new Error(`cannot run here: ${reason}`)
  const means = await findMeans()
  print(
    `seed ${seed}; ${means.firewalls.join(', ')}; ${means.hasNetem ? 'netem' : 'no netem here: loss by xt_statistic, and a small MTU'}`,
  )
  if (!means.mayStepClock)
    print('the clock is not stepped: it is the whole machine’s (in the virtual machine of test/vm it is)')
  const records = await runAll(
    options.only === undefined
      ? Array.from({ length: cycles }, (_, at) => first + at)
      : [wholeNumber('only', options.only, 0)],
    means,
  )
  for (const line of summarise(records)) print(line)
  const failed = records.filter(({ violations }) => violations.length > 0)
  for (const record of failed) tellAll(record)
  // One in a hundred is what the cable may well eat; more than that is not its doing.
  const inLoss = records
    .filter(({ plan }) => plan.impairment === 'loss')
    .flatMap(({ runs }) => runs.flatMap(({ outcomes }) => outcomes))
  const lost = inLoss.filter(({ outcome }) => outcome === 'lost to the cable').length
  if (lost > Math.max(1, inLoss.length / 100))
    print(`VIOLATION: ${lost} of ${inLoss.length} validations lost to the cable`)
  if (failed.length > 0 || lost > Math.max(1, inLoss.length / 100)) process.exitCode = 1
}

/** Stops at the first cycle that broke a promise, when those that have begun are over. */
async function runAll(numbers: readonly number[], means: Means): Promise<CycleRecord[]> {
  const records: CycleRecord[] = []
  const waiting = [...numbers]
  let isBroken = false
  const lane = async () => {
    for (let number = waiting.shift(); number !== undefined && !isBroken; number = waiting.shift()) {
      const record = await runCycle(planCycle(seed, number, means, shares), means).catch((error: unknown) => {
        isBroken = true
        throw new Error(`seed ${seed}, cycle ${number}`, { cause: error })
      })
      records.push(record)
      if (record.violations.length > 0) isBroken = true
      if (records.length % 10 === 0) print(`${records.length} cycles, ${elapsed()}`)
    }
  }
  const done = await Promise.allSettled(Array.from({ length: lanes }, lane))
  for (const result of done) if (result.status === 'rejected') throw result.reason
  print(`all over after ${elapsed()}`)
  return records
}

function tellAll({ plan, violations, events, log }: CycleRecord): void {
  print('')
  print(`seed ${plan.seed}, cycle ${plan.cycle} (again: --seed ${plan.seed} --only ${plan.cycle})`)
  for (const text of violations) print(`VIOLATION: ${text}`)
  print(`plan: ${JSON.stringify(plan, undefined, 1)}`)
  print(`events:\n${events.join('\n')}`)
  print(`the responder’s log:\n${log}`)
}

/** Comments of TAP, which the virtual machine's runner speaks. */
function print(text: string): void {
  console.log(text.replace(/^/gm, '# '))
}

function elapsed(): string {
  return `${((performance.now() - start) / 1000).toFixed(0)} s`
}

function wholeNumber(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise
  if (!/^\d{1,9}$/.test(text)) throw new Error(`--${name} takes a whole number, not ${text}`)
  return Number(text)
}
