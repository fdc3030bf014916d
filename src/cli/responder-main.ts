/**
 * The entry of the responder. Its first argument is `background`, `foreground`, or, to remove what a dead responder has
 * left, `sweep` or `hung`. Options follow. It is bundled to responder.cjs (src/build/bundle.ts).
 */
import { endByStatus } from '../responder/losses.js'
import { runDirectory } from '../responder/run-directory.js'
import { sweepLeftovers } from '../responder/sweep.js'
import { readOptions } from './options.js'
import { reportFailure } from './report.js'
import { takeStanding } from './serve/standing-options.js'
import { serveInBackground, serveInForeground, sweepAfterHang } from './serve/serve-command.js'

// Without a handler the signal starts Node's debugger.
process.on('SIGUSR1', () => undefined)
// Without a handler a limit of file sizes ends the process, where a file that is written to could do without.
process.on('SIGXFSZ', () => undefined)

main().catch((thrown: unknown) => {
  reportFailure(thrown)
  // What was opened before the failure would keep the process alive.
  process.exit()
})

async function main(): Promise<void> {
  const [mode, ...argv] = process.argv.slice(2)
  const { standing, others } = takeStanding(argv)
  const options = readOptions(others, process.env)
  if (mode === 'foreground') await serveInForeground(options, standing)
  else if (mode === 'background') await serveInBackground(options)
  else if (mode === 'hung') await sweepAfterHang(options)
  else await sweepLeftovers(runDirectory(options.runDir), endByStatus(process.env['CERTBOT_NFQ_STATUS']))
}
