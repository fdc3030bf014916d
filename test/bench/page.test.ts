import { readFileSync } from 'node:fs'
import t from 'tap'
import { inRepository } from '../../src/lab/repository.js'
import { quantities, type QuantityName } from './bystanders.js'
import type { Comparison } from './figures.js'
import { floodNames } from './floods.js'
import { hookCalls } from './hooks.js'
import { packetRules } from './packets.js'
import { benchmarkPage } from './page.js'
import { benchReport } from './report.js'
import type { BenchResults } from './results.js'
import { stateNames } from './states.js'

const one: Comparison = { values: [1200, 2400, 3600], baselines: [1200, 1200, 1200] }
const forEach = <Name extends string>(names: Readonly<Record<Name, unknown>>) =>
  Object.fromEntries(Object.keys(names).map((name) => [name, one])) as unknown as Readonly<Record<Name, Comparison>>
const unarmed = Object.fromEntries(Object.keys(quantities).map((name) => [name, [1, 2, 3]])) as unknown as Readonly<
  Record<QuantityName, number[]>
>

/** A run in which everything came to the same. */
const results: BenchResults = {
  machine: ['a', 'b', 'c', 'd', 'e'],
  command: 'npm run bench -- --orders',
  bystanders: (['on', 'off'] as const).map((tracking) => ({
    tracking,
    rounds: 3,
    unarmed,
    states: (Object.keys(stateNames) as (keyof typeof stateNames)[]).map((state) => ({
      state,
      comparisons: forEach(quantities),
      failedRequests: 0,
      brokenBodies: 0,
    })),
  })),
  floods: (['on', 'off'] as const).map((tracking) => ({
    tracking,
    rounds: 3,
    floods: (Object.keys(floodNames) as (keyof typeof floodNames)[]).map((flood) => ({
      ...{ flood, kept: one, fresh: one, rate: one, asked: 60, answered: 60 },
    })),
    afterFalseToken: one,
  })),
  packets: (['on', 'off'] as const).map((tracking) => ({ tracking, results: forEach(packetRules) })),
  challenges: { p50: one, p99: one, rate: one, requests: 1, failures: 0 },
  hooks: forEach(hookCalls),
  arming: { responder: [10], programs: [10] },
  memory: { armed: one, hundred: one, busy: one },
  orders: { one, hundred: one },
}

const page = readFileSync(inRepository('docs/benchmarks.md'), 'utf8')

t.test('docs/benchmarks.md is what the benchmark would write, but for the figures', (t) => {
  t.equal(masked(benchmarkPage(results, page)), masked(page))
  t.end()
})

t.test('what people wrote survives, and so it does when something was not measured', (t) => {
  const { machine, command, bystanders } = results
  const less = benchmarkPage({ machine, command, bystanders, floods: [], packets: [] }, page)
  const hand = /<!-- by hand.*<!-- end/s.exec(page)?.[0] ?? 'no such part'
  t.ok(hand.length > 100 && less.includes(hand))
  t.match(benchmarkPage(results, ''), 'Nothing written yet.')
  t.end()
})

t.test('the run itself prints every target, and what became of it', (t) => {
  const report = benchReport(results)
  t.match(report, /^- Challenge reply, p50, .*: at most 2\.00 wanted, 2\.00 \(1\.00–3\.00\) measured: \*\*met\*\*\.$/m)
  t.match(report, /^- Warm `auth` against `node -e 0`: at most 1\.50 wanted, 2\.00 .*: \*\*missed\*\*\.$/m)
  t.end()
})

/** The text without figures, without the lines about the machine, and with tables as narrow as can be. */
function masked(text: string): string {
  return text
    .replace(/<!-- by hand.*<!-- end/s, '')
    .replace(/^- .*$/gm, '-')
    .replace(/\d[\d,.]*/g, '#')
    .replace(/\*\*missed\*\*|\bmet\b/g, 'judged')
    .replace(/-{2,}/g, '--')
    .replace(/ +/g, ' ')
}
