import { ask } from '../client/ask.js'
import { hasBackEnd } from '../firewall/choose.js'
import { forgetLosses } from '../responder/losses.js'
import { checkRunDirectory, removeRunDirectory, runDirectory } from '../responder/run-directory.js'
import { clearUp } from '../client/hung-responder.js'
import type { Options } from './options.js'
import { warn } from './report.js'

/**
 * Ends the responder, whatever is armed, even one that hangs. Without a responder it removes what a killed one has
 * left.
 * @throws Failure
 */
export async function stopCommand(options: Options): Promise<void> {
  const directory = runDirectory(options.runDir)
  checkRunDirectory(directory)
  let hasEnded = false
  const response = await ask(directory, { op: 'stop' }, (warning) => {
    hasEnded = true
    warn(warning)
  })
  hasEnded ||= response !== 'absent'
  await clearUp(directory)
  // Whoever stops it knows.
  forgetLosses(directory)
  removeRunDirectory(directory)
  process.stdout.write(`${outcome(hasEnded, options.runDir)}\n`)
}

function outcome(hasEnded: boolean, runDir: string): string {
  if (hasEnded) return 'Stopped; its rules are removed.'
  if (hasBackEnd()) return `No responder runs in ${runDir}; leftover rules, if any, are removed.`
  return `No responder runs in ${runDir}. Neither nft nor iptables is installed here: whether rules are left cannot be seen, and none was removed.`
}
