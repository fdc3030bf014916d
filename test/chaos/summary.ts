/** Describes the figures of many cycles. */
import type { CycleRecord } from './cycle.js'

/** One line for each kind of figure. */
export function summarise(records: readonly CycleRecord[]): string[] {
  const validations = records.flatMap(({ runs }) => runs.flatMap(({ outcomes }) => outcomes))
  const owed = validations.filter(({ isOwed }) => isOwed)
  const others = validations.filter(({ isOwed }) => !isOwed)
  const hookFaults = records.flatMap(({ plan }) =>
    plan.runs.flatMap((run) => run.hookFaults.map(({ hook, signal }) => `${signal} of ${hook}`)),
  )
  const sum = (of: (record: CycleRecord) => number): number => records.reduce((total, record) => total + of(record), 0)
  return [
    `cycles       ${records.length}`,
    `violations   ${sum(({ violations }) => violations.length)}`,
    `settings     ${tally(records.map(({ plan }) => `${plan.firewall}, ${plan.isTracked ? 'tracked' : 'untracked'}`))}`,
    `cable        ${tally(records.map(({ plan }) => plan.impairment))}`,
    `runs         ${tally(records.flatMap(({ plan }) => plan.runs.map(({ type }) => type)))}, ${sum(({ plan }) => plan.runs.reduce((total, { challenges }) => total + challenges.length, 0))} challenges`,
    `validators   ${tally(records.flatMap(({ plan }) => plan.runs.flatMap(({ challenges }) => challenges.flat().map(({ behaviour }) => behaviour))))}`,
    `validations  ${owed.length} armed and waited for: ${tally(owed.map(({ type, outcome }) => `${outcome} (${type})`))}; others: ${tally(others.map(({ outcome }) => outcome))}`,
    `faults       ${tally(records.flatMap(({ faults }) => faults))}; hooks: ${tally(hookFaults)}`,
    `bystanders   ${sum(({ bystanders }) => bystanders.requests)} requests, ${sum(({ bystanders }) => bystanders.handshakes)} by TLS, ${sum(({ bystanders }) => bystanders.queries)} queries; ${sum(({ bystanders }) => bystanders.failed)} failed; ` +
      `${sum(({ bystanders }) => bystanders.impaired)} more in cycles with loss or a restart of the web server`,
  ]
}

function tally(names: readonly string[]): string {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  const parts = [...counts].sort(([, one], [, other]) => other - one).map(([name, count]) => `${count} ${name}`)
  return parts.length === 0 ? 'none' : parts.join(', ')
}
