/**
 * The benchmark: `npm run bench`. Prints every table and target, and writes the short page docs/benchmarks.md with its
 * picture, docs/benchmarks.svg.
 *
 * - `--quick`: few and short measurements, for trying out; writes nothing without `--output`.
 * - `--rounds N`: how often each state is measured, instead of 8 (4 without connection tracking).
 * - `--orders`: also measures orders for one name and for 100, which takes minutes.
 * - `--only PARTS`: some of bystanders, floods, packets, challenges, hooks, clients, arming, memory, orders, joined by
 *   commas; writes nothing without `--output`.
 * - `--output DIR`: where benchmarks.md and benchmarks.svg are written, instead of docs.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { kernelUnavailable } from '../../src/lab/lab.js'
import { inRepository } from '../../src/lab/repository.js'
import { run } from '../../src/lab/run.js'
import { isInterrupted } from '../../src/lab/while-open.js'
import { measureArming } from './arming.js'
import { openBenchLab, type BenchLab, type Tracking } from './bench-lab.js'
import { measureBystanders } from './bystanders.js'
import { measureChallenges } from './challenges.js'
import { chart } from './chart.js'
import { measureClients } from './clients.js'
import { measureFloods } from './floods.js'
import { describeMachine } from './machine.js'
import { measureHooks } from './hooks.js'
import { measureMemory } from './memory.js'
import { measureOrders } from './orders.js'
import { measurePackets } from './packets.js'
import { benchmarkPage } from './page.js'
import { benchReport } from './report.js'
import type { BenchResults } from './results.js'

const parts = [
  'bystanders',
  'floods',
  'packets',
  'challenges',
  'hooks',
  'clients',
  'arming',
  'memory',
  'orders',
] as const
type Part = (typeof parts)[number]

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    orders: { type: 'boolean', default: false },
    only: { type: 'string' },
    output: { type: 'string' },
  },
})
const isQuick = options.quick
const start = performance.now()

try {
  await bench()
} catch (error) {
  // What fails after a signal fails because the lab is being closed; the signal then ends this process.
  if (!isInterrupted()) {
    console.error(`bench: ${error instanceof Error ? error.message : String(error)}`)
    process.exitCode = 1
  }
}

async function bench(): Promise<void> {
  const reason = (await kernelUnavailable()) ?? (await missing('nginx', 'wrk', 'conntrack'))
  if (reason !== undefined) throw new Error(`cannot run here: ${reason}`)
  const results = await measure()
  const directory = options.output ?? (isQuick || options.only !== undefined ? undefined : inRepository('docs'))
  console.log(benchReport(results))
  const [headline] = results.bystanders
  if (directory === undefined || headline === undefined) return
  const path = join(directory, 'benchmarks.md')
  await writeFile(path, benchmarkPage(results, await readFile(path, 'utf8').catch(() => '')))
  await writeFile(join(directory, 'benchmarks.svg'), chart(headline))
  progress(`wrote benchmarks.md and benchmarks.svg to ${directory}`)
}

async function measure(): Promise<BenchResults> {
  const tracked = await inLab('on', async (lab) => ({
    machine: await describeMachine(lab),
    bystanders: await bystandersIn(lab, 8),
    floods: await floodsIn(lab, 8),
    packets: await packetsIn(lab),
    ...(wants('challenges') && {
      challenges: await measureChallenges(
        lab,
        isQuick ? { requests: 100, seconds: 1 } : { requests: 1_000, seconds: 2 },
      ),
    }),
    ...(wants('hooks') && { hooks: measureHooks(lab, isQuick ? 3 : 15) }),
    ...(wants('clients') && { clients: await measureClients(lab, isQuick ? 3 : 15) }),
    ...(wants('arming') && { arming: await measureArming(lab, isQuick ? 1 : 5) }),
    ...(wants('memory') && {
      memory: await measureMemory(lab, isQuick ? { rounds: 1, seconds: 1 } : { rounds: 3, seconds: 2 }),
    }),
  }))
  const untracked = await inLab('off', async (lab) => ({
    bystanders: await bystandersIn(lab, 4),
    floods: await floodsIn(lab, 4),
    packets: await packetsIn(lab),
  }))
  return {
    ...tracked,
    bystanders: [...tracked.bystanders, ...untracked.bystanders],
    floods: [...tracked.floods, ...untracked.floods],
    packets: [...tracked.packets, ...untracked.packets],
    ...(wants('orders') && { orders: await measureOrders(isQuick ? { one: 2, hundred: 1 } : { one: 8, hundred: 2 }) }),
    command: `npm run bench${wants('orders') ? ' -- --orders' : ''}`,
  }
}

async function bystandersIn(lab: BenchLab, usualRounds: number) {
  if (!wants('bystanders')) return []
  return [
    await measureBystanders(lab, { rounds: roundsOf(usualRounds), seconds: 1, transfers: isQuick ? 1 : 3 }, progress),
  ]
}

async function floodsIn(lab: BenchLab, usualRounds: number) {
  if (!wants('floods')) return []
  return [await measureFloods(lab, { rounds: roundsOf(usualRounds), seconds: isQuick ? 1 : 2 }, progress)]
}

/** Many short ones rather than few long ones: what is compared has to lie close together in time. */
function roundsOf(usual: number): number {
  return options.rounds === undefined ? (isQuick ? 1 : usual) : Number(options.rounds)
}

async function packetsIn(lab: BenchLab) {
  return wants('packets') ? [{ tracking: lab.tracking, results: await measurePackets(lab, isQuick ? 2 : 10) }] : []
}

async function inLab<Result>(tracking: Tracking, work: (lab: BenchLab) => Promise<Result>): Promise<Result> {
  const lab = await openBenchLab(tracking)
  try {
    return await work(lab)
  } finally {
    await lab.close()
  }
}

function wants(part: Part): boolean {
  return options.only === undefined ? part !== 'orders' || options.orders : partsOf(options.only).includes(part)
}

function partsOf(text: string): Part[] {
  return text.split(',').map((name) => {
    const part = parts.find((part) => part === name)
    if (part === undefined) throw new Error(`--only takes ${parts.join(', ')}, not ${name}`)
    return part
  })
}

async function missing(...programs: string[]): Promise<string | undefined> {
  const { stdout } = await run([
    'sh',
    '-c',
    'for p; do command -v "$p" >/dev/null || echo "$p"; done',
    'sh',
    ...programs,
  ])
  return stdout === '' ? undefined : `not installed: ${stdout.trim().replaceAll('\n', ', ')}`
}

function progress(line: string): void {
  console.error(`${((performance.now() - start) / 1000).toFixed(0).padStart(4)} s  ${line}`)
}
