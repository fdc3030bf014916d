/** Formats the results as Markdown tables. */
import type { ArmingResults } from './arming.js'
import { quantities, type BystanderResults, type QuantityName } from './bystanders.js'
import type { ChallengeResults } from './challenges.js'
import { formatQuantity, formatRatios, median, type Comparison } from './figures.js'
import { floodNames, type FloodResults } from './floods.js'
import { clientCalls, type ClientCall, type ClientResults } from './clients.js'
import { hookCalls, type HookCall, type HookResults } from './hooks.js'
import type { MemoryResults } from './memory.js'
import type { OrderResults } from './orders.js'
import { packetRules, type PacketResults, type PacketRules } from './packets.js'
import { stateNames } from './states.js'

const requestColumns = ['keptRate', 'keptP50', 'keptP99', 'freshRate', 'freshP50', 'freshP99'] as const
const bodyColumns = ['download', 'upload', 'fourUploads'] as const

/** Requests, bodies, and in words what failed. */
export function bystanderTables(results: BystanderResults): string {
  return [requestColumns, bodyColumns].map((columns) => bystanderTable(results, columns)).join('\n') + notes(results)
}

function bystanderTable({ unarmed, states }: BystanderResults, columns: readonly QuantityName[]): string {
  return table([
    ['', ...columns.map((column) => quantities[column].title)],
    ['unarmed', ...columns.map((column) => absolute(column, median(unarmed[column])))],
    ...states.map(({ state, comparisons }) => [
      stateNames[state],
      ...columns.map((column) => formatRatios(comparisons[column])),
    ]),
  ])
}

function absolute(quantity: QuantityName, value: number): string {
  if (quantity.endsWith('Rate')) return `${formatQuantity(value)}/s`
  if (/P\d\d$/.test(quantity)) return `${formatQuantity(value)} ms`
  return `${formatQuantity(value / 1e6)} MB/s`
}

/** An item for each state in which something failed. */
function notes({ states }: BystanderResults): string {
  const lines = states.flatMap(({ state, failedRequests, brokenBodies }) => [
    ...(failedRequests > 0 ? [`${stateNames[state]}: ${formatQuantity(failedRequests)} requests failed.`] : []),
    ...(brokenBodies > 0
      ? [
          `${stateNames[state]}: ${brokenBodies} downloads or uploads had not ended after 5 s; their rate is that of the bytes sent until then.`,
        ]
      : []),
  ])
  return lines.map((line) => `\n- ${line}`).join('') + (lines.length > 0 ? '\n' : '')
}

/** A row for each flood, and one for what comes after a false token. */
export function floodTable({ floods, afterFalseToken }: FloodResults): string {
  return table([
    ['', 'flood, unarmed', 'flood, armed', 'requests/s, keep-alive', 'requests/s, new connections', 'true validations'],
    ...floods.map(({ flood, kept, fresh, rate, asked, answered }) => [
      floodNames[flood],
      `${formatQuantity(median(rate.baselines))}/s`,
      `${formatQuantity(median(rate.values))}/s`,
      formatRatios(kept),
      formatRatios(fresh),
      `${answered} of ${asked}`,
    ]),
    ['no flood, but each connection asked for a false token first', '', '', formatRatios(afterFalseToken), '', ''],
  ])
}

/** A row for each way to install the rules: what they add to a packet. */
export function packetTable(results: PacketResults): string {
  const row = (rules: PacketRules) => {
    const { values, baselines } = results[rules]
    const added = values.map((value, at) => value - (baselines[at] ?? NaN))
    const nanoseconds = (value: number) => value.toFixed(0)
    return [
      packetRules[rules],
      `${nanoseconds(median(baselines))} ns`,
      `${nanoseconds(median(added))} (${nanoseconds(Math.min(...added))} to ${nanoseconds(Math.max(...added))}) ns`,
      formatRatios(results[rules]),
    ]
  }
  return table([
    ['', 'a packet without', 'the rules add', 'ratio of times'],
    ...(Object.keys(packetRules) as PacketRules[]).map(row),
  ])
}

/** Reply times, and rates. */
export function challengeTable({ p50, p99, rate, requests, failures }: ChallengeResults): string {
  const row = (title: string, comparison: Comparison, unit: string) => [
    title,
    `${formatQuantity(median(comparison.values))}${unit}`,
    `${formatQuantity(median(comparison.baselines))}${unit}`,
    formatRatios(comparison),
  ]
  const rows = table([
    ['', 'responder', 'nginx', 'ratio'],
    row('connect to end of reply, p50', p50, ' ms'),
    row('connect to end of reply, p99', p99, ' ms'),
    row('replies per second, 32 clients at once', rate, '/s'),
  ])
  return `${rows}\n${requests} requests on each side, one after the other, for the times. ${failures} requests failed while replies per second were counted.\n`
}

/** A row for each kind of call. */
export function hookTable(results: HookResults): string {
  return table([
    ['', 'wall time', '`node -e 0`', 'ratio'],
    ...(Object.keys(hookCalls) as HookCall[]).map((call) => [
      hookCalls[call],
      `${formatQuantity(median(results[call].values))} ms`,
      `${formatQuantity(median(results[call].baselines))} ms`,
      formatRatios(results[call]),
    ]),
  ])
}

/** A row for each call of each client, and two for the hundred names. */
export function clientTable({ clients, chain, single }: ClientResults): string {
  const row = (title: string, comparison: Comparison) => [
    title,
    `${formatQuantity(median(comparison.values))} ms`,
    `${formatQuantity(median(comparison.baselines))} ms`,
    formatRatios(comparison),
  ]
  return table([
    ['', 'wall time', '`sh -c true` and `node -e 0`', 'ratio'],
    ...Object.entries(clients).flatMap(([client, results]) =>
      (Object.keys(clientCalls) as ClientCall[]).map((call) => row(`${client} ${clientCalls[call]}`, results[call])),
    ),
    row('dehydrated, 100 names in one process, cold', chain),
    ['dehydrated, 100 names in a process each', `${formatQuantity(median(single))} ms`, '', ''],
  ])
}

/** A row for each load. */
export function memoryTable({ armed, hundred, busy }: MemoryResults): string {
  const row = (title: string, { values, baselines }: Comparison) => [
    title,
    `${formatQuantity(median(values) / 2 ** 20)} MiB`,
    `${formatQuantity(median(baselines) / 2 ** 20)} MiB`,
    formatRatios({ values, baselines }),
  ]
  return table([
    ['responder', 'VmRSS', 'idle Node', 'ratio'],
    row('armed', armed),
    row('armed, 100 tokens', hundred),
    row('armed, after forging as fast as it can', busy),
  ])
}

/** One sentence. */
export function armingSentence({ responder, programs }: ArmingResults): string {
  return `Each of the tokens 2 to 100 takes ${median(responder).toFixed(1)} ms of processor time of the responder, and ${median(programs).toFixed(1)} ms of the programs it runs.\n`
}

/** A row for each order. */
export function orderTable({ one, hundred }: OrderResults): string {
  const row = (title: string, { values, baselines }: Comparison) => [
    title,
    `${formatQuantity(median(values))} s`,
    `${formatQuantity(median(baselines))} s`,
    formatRatios({ values, baselines }),
  ]
  return table([
    ['', 'our hooks', 'compared with', 'ratio'],
    row('one name, compared with `--webroot`', one),
    row('100 names, compared with hooks that do nothing (pebble accepts every challenge, on both sides)', hundred),
  ])
}

/** With columns of even width, so that it can be read on a terminal too. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |\n`
  const [head = [], ...rest] = rows
  return line(head) + line(widths.map((width) => '-'.repeat(width))) + rest.map(line).join('')
}
