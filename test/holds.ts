import fc from 'fast-check'
import type { Test } from 'tap'

/** Asserts a property; when it fails, the message holds fast-check's seed, path and smallest counterexample. */
export function holds<Values>(t: Test, statement: string, property: fc.IProperty<Values>, parameters: fc.Parameters<Values> = {}): void {
  const run = fc.check(property, parameters)
  t.notOk(run.failed, run.failed ? `${statement}\n${fc.defaultReportMessage(run) ?? ''}` : statement)
}
