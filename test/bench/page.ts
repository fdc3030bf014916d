/** Makes docs/benchmarks.md: two tables, and the part that people write. */
import type { BystanderResults, StateResult } from './bystanders.js'
import { formatQuantity, formatRatio, formatRatios, median, medianRatio, type Comparison } from './figures.js'
import { floodNames, type FloodResult } from './floods.js'
import { hookCalls } from './hooks.js'
import { packetRules, type PacketRules } from './packets.js'
import type { BenchResults } from './results.js'
import { stateNames } from './states.js'
import { table } from './tables.js'
import { targets } from './targets.js'

const begin = '<!-- by hand, kept when this page is made anew -->'
const end = '<!-- end of what is written by hand -->'

/** Returns the page. The part between the markers is kept from `old`, the page as it was before. */
export function benchmarkPage(results: BenchResults, old: string): string {
  return `# Benchmarks

What certbot-nfq costs, measured by \`${results.command}\`. Figures are medians, and in parentheses the range. A
ratio compares two measurements, one made right after the other, so that a noisy machine disturbs both alike. No test
asserts any of it. The command prints more tables, and each target with what became of it.

${results.machine.map((line) => `- ${line}`).join('\n')}

## What ordinary clients get while something is armed

Requests a second that nginx answers, as a ratio to the same server with nothing armed: 1 is untouched. Under a flood,
the ratio is to the unarmed server under the same flood. "Tracked" is a host with connection tracking, as nearly every
server is.

${clientTable(results)}
![Rates of ordinary traffic, as ratios to the unarmed server](benchmarks.svg)

## What certbot-nfq takes itself

${ownTable(results)}
## What it means, and where a target is missed

${begin}

${handWritten(old)}

${end}
`.replace(/\n{3,}/g, '\n\n')
}

/** A row for each state that a reader asks for, and for each flood. */
function clientTable({ bystanders, floods }: BenchResults): string {
  const [tracked, untracked] = (['on', 'off'] as const).map((tracking) => ({
    states: bystanders.find((result) => result.tracking === tracking),
    floods: floods.find((result) => result.tracking === tracking),
  }))
  const states = (['again', 'armed', 'thousand', 'stopped', 'naive'] as const).map((state) => [
    stateNames[state],
    ...[tracked, untracked].flatMap((where) => ratesOf(stateIn(where?.states, state)?.comparisons)),
    '',
  ])
  const underFloods = (Object.keys(floodNames) as (keyof typeof floodNames)[]).map((flood) => {
    const both = [tracked, untracked].map((where) => where?.floods?.floods.find((result) => result.flood === flood))
    const answered = both.reduce((sum, result) => sum + (result?.answered ?? 0), 0)
    const asked = both.reduce((sum, result) => sum + (result?.asked ?? 0), 0)
    const cells = both.flatMap((result) => ratesOf(result && { keptRate: result.kept, freshRate: result.fresh }))
    return [`armed, under ${floodNames[flood]} (${floodRate(both)})`, ...cells, `${answered} of ${asked}`]
  })
  return table([
    [
      '',
      'tracked, keep-alive',
      'tracked, new connections',
      'untracked, keep-alive',
      'untracked, new connections',
    ].concat('validations answered'),
    ...states,
    ...underFloods,
  ])
}

function stateIn(results: BystanderResults | undefined, state: StateResult['state']): StateResult | undefined {
  return results?.states.find((result) => result.state === state)
}

function ratesOf(comparisons: { keptRate: Comparison; freshRate: Comparison } | undefined): string[] {
  return comparisons ? [formatRatios(comparisons.keptRate), formatRatios(comparisons.freshRate)] : ['–', '–']
}

/** What the flood came to, armed, with connection tracking and without. */
function floodRate(results: readonly (FloodResult | undefined)[]): string {
  const rates = results.flatMap((result) => (result ? [formatQuantity(median(result.rate.values))] : []))
  return `${rates.join(' and ')} a second`
}

/** A row for each thing: what it takes, what it is compared with, and what was aimed at. */
function ownTable({ packets, challenges, hooks, arming, orders, memory }: BenchResults): string {
  const row = (
    what: string,
    comparison: Comparison | undefined,
    unit: string,
    other: string,
    { scale = 1, target }: { scale?: number; target?: number } = {},
  ) => {
    if (!comparison) return []
    const quantity = (values: readonly number[]) => `${formatQuantity(median(values) / scale)} ${unit}`
    const verdict = target === undefined ? '' : medianRatio(comparison) <= target ? ', met' : ', **missed**'
    return [
      [
        what,
        quantity(comparison.values),
        `${quantity(comparison.baselines)}: ${other}`,
        formatRatios(comparison),
        target === undefined ? '' : `${formatRatio(target)}${verdict}`,
      ],
    ]
  }
  const tracked = packets.find(({ tracking }) => tracking === 'on')?.results
  const [token] = arming ? [median(arming.responder)] : []
  return table([
    ['', 'takes', 'compared with', 'ratio', 'wanted'],
    ...(['iptables', 'legacy', 'nft'] as const).flatMap((rules) => packetRow(rules, tracked?.[rules])),
    ...row('a challenge reply, from connect to its end', challenges?.p50, 'ms', 'nginx, a file', {
      target: targets.reply,
    }),
    ...(['coldAuth', 'warmAuth', 'cleanup', 'lastCleanup'] as const).flatMap((call) =>
      row(hookCalls[call], hooks?.[call], 'ms', '`node -e 0`', { target: targets[call] }),
    ),
    ...(token === undefined
      ? []
      : [
          [
            'arming a further token, processor time of the responder',
            `${token.toFixed(1)} ms`,
            '',
            '',
            `${targets.token} ms, ${token < targets.token ? 'met' : '**missed**'}`,
          ],
        ]),
    ...row('an order for one name, by certbot and pebble', orders?.one, 's', '`--webroot`', { target: targets.order }),
    ...row('memory of the responder', memory?.armed, 'MiB', 'an idle Node', { scale: 2 ** 20, target: targets.memory }),
  ])
}

/** What rules add to a packet on its way in. */
function packetRow(rules: PacketRules, comparison: Comparison | undefined): string[][] {
  if (!comparison) return []
  const added = comparison.values.map((value, at) => value - (comparison.baselines[at] ?? NaN))
  const without = `${formatQuantity(median(comparison.baselines))} ns: without rules`
  const what = `a bystander’s packet, rules by ${packetRules[rules]}`
  return [[what, `${median(added).toFixed(0)} ns more`, without, formatRatios(comparison), '']]
}

function handWritten(old: string): string {
  const [, text = 'Nothing written yet.'] = new RegExp(`${begin}\\s*(.*?)\\s*${end}`, 's').exec(old) ?? []
  return text
}
