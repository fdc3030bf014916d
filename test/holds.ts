import fc from 'fast-check'
import type { Test } from 'tap'
import { seed } from './seed.js'

/** Asserts a property. When it fails, the message contains fast-check's seed, path and smallest counterexample. */
export function holds<Values>(
  t: Test,
  statement: string,
  property: fc.IProperty<Values>,
  parameters: fc.Parameters<Values> = {},
): void {
  const run = fc.check(property, { seed, ...parameters })
  const { errorInstance: thrown } = run
  const reason = thrown instanceof Error ? thrown.message : ''
  t.notOk(run.failed, run.failed ? `${statement}\n${fc.defaultReportMessage(run) ?? ''}\n${reason}` : statement)
}
