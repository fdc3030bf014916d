/**
 * The entry of the hooks. It is bundled to hook.cjs (src/build/bundle.ts) and has no yargs, because a hook runs once
 * for each name, and most of its time is its start.
 */
import { authCommand, cleanupCommand } from './hook/hook-command.js'
import { readOptions } from './options.js'
import { reportFailure } from './report.js'

const commands = { auth: authCommand, cleanup: cleanupCommand }

main(process.argv[2] === 'auth' ? 'auth' : 'cleanup', process.argv.slice(3)).catch(reportFailure)

async function main(command: keyof typeof commands, argv: readonly string[]): Promise<void> {
  await commands[command](readOptions(argv, process.env))
}
