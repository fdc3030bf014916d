/**
 * What `doctor` runs as processes of their own: `modules` (which Node, and does it load them), or `trial` and a request
 * in JSON. Prints JSON.
 */
import { readModules } from '../diagnosis/doctor/modules.js'
import { tryKernel, type TrialRequest } from '../diagnosis/doctor/trial.js'
import { reportFailure } from './report.js'

const [what, request = ''] = process.argv.slice(2)

try {
  const report = what === 'trial' ? await tryKernel(JSON.parse(request) as TrialRequest) : await readModules()
  // Written before the end: a queue that is open would keep the process for ever.
  process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit())
} catch (thrown) {
  reportFailure(thrown)
  process.exit()
}
