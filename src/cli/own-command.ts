/** What a person types to run this program. */
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { quoteForShell } from '../client/certbot/hook-command.js'

/** The name of the command. */
const NAME = 'certbot-nfq'

/** Returns `certbot-nfq` when a directory of PATH has it, and otherwise its path, quoted for sh. */
export function ownCommand(path = process.env['PATH'] ?? ''): string {
  const isFound = path.split(':').some((directory) => directory.startsWith('/') && isExecutable(join(directory, NAME)))
  return isFound ? NAME : quoteForShell(fileURLToPath(new URL('../../hooks/certbot-nfq', import.meta.url)))
}

/** Returns advice in which each command line of ours can be typed as it stands: `certbot-nfq stop`. */
export function withOwnCommand(advice: string): string {
  return advice.replace(
    /(?<![\w./-])certbot-nfq(?= (?:doctor|install|status|stop|watch|serve|demo|help|--help)\b)/g,
    () => ownCommand(),
  )
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
