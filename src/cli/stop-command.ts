import { ask } from '../client/ask.js'
import { hasBackEnd } from '../firewall/choose.js'
import { forgetLosses } from '../responder/losses.js'
import { checkRunDirectory, removeRunDirectory, runDirectory } from '../responder/run-directory.js'
import { quoteForShell } from '../client/certbot/hook-command.js'
import { clearUp } from '../client/hung-responder.js'
import type { Options } from './options.js'
import { warn } from './report.js'
import { findRestartingService } from './restarting-service.js'

/**
 * Ends the responder, whatever is armed, even one that hangs. Without a responder it removes what a killed one has
 * left. Says so when a service of systemd starts it again.
 * @throws Failure
 */
export async function stopCommand(options: Options): Promise<void> {
  const directory = runDirectory(options.runDir)
  checkRunDirectory(directory)
  const restartingService = await findRestartingService(directory)
  let isHung = false as boolean
  const response = await ask(directory, { op: 'stop' }, (warning) => {
    isHung = true
    warn(warning)
  })
  const hasEnded = isHung || response !== 'absent'
  await clearUp(directory)
  // Whoever stops it knows.
  forgetLosses(directory)
  removeRunDirectory(directory)
  process.stdout.write(`${outcome(hasEnded, options.runDir)}\n`)
  const service = hasEnded ? restartingService(isHung) : undefined
  if (service !== undefined)
    process.stdout.write(`${service} starts it again. End that with: systemctl stop ${quoteForShell(service)}\n`)
}

function outcome(hasEnded: boolean, runDir: string): string {
  if (hasEnded) return 'Stopped; its rules are removed.'
  if (hasBackEnd()) return `No responder runs in ${runDir}; leftover rules, if any, are removed.`
  return `No responder runs in ${runDir}. Neither nft nor iptables is installed here: whether rules are left cannot be seen, and none was removed.`
}
