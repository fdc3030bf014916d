/** The entry of the responder that a hook starts. Bundled to responder.cjs (src/build/bundle.ts). */
import { readOptions } from './options.js'
import { reportFailure } from './report.js'
import { serveForHooks } from './serve-command.js'

main().catch(reportFailure)

async function main(): Promise<void> {
  await serveForHooks(readOptions(process.argv.slice(2), process.env))
}
