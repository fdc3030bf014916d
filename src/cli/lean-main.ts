/** The entry of the hooks and of the responder they start: no yargs, for a hook runs once for each name. */
import { reportFailure } from './report.js'
import { readOptions } from './options.js'

const [command, ...argv] = process.argv.slice(2)

try {
  const options = readOptions(argv, process.env)
  if (command === 'auth') await (await import('./hook-command.js')).authCommand(options)
  else if (command === 'cleanup') await (await import('./hook-command.js')).cleanupCommand(options)
  else if (command === 'serve-for-hooks') await (await import('./serve-command.js')).serveForHooks(options)
} catch (thrown) {
  reportFailure(thrown)
}
