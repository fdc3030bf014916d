/**
 * The process that `doctor` runs: `modules` (which Node runs the hooks, and does it load the native modules), or
 * `trial` and a request in JSON. Prints JSON.
 */
import { readModules } from '../diagnosis/doctor/modules.js'
import { tryKernel, type TrialRequest } from '../diagnosis/doctor/trial.js'
import { reportFailure } from './report.js'

const [what, request = ''] = process.argv.slice(2)

try {
  const report = what === 'trial' ? await tryKernel(JSON.parse(request) as TrialRequest) : await readModules()
  // The text is written before the end, because an open queue would keep the process for ever.
  process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit())
} catch (thrown) {
  reportFailure(thrown)
  process.exit()
}
