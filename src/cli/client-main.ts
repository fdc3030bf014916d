/** The entry of the hooks of clients other than certbot. It is bundled to client.cjs, like hook-main.ts. */
import { clientCommand } from './hook/client-command.js'
import { isClientName } from './client-hooks.js'
import { reportFailure } from './report.js'

const [name, ...argv] = process.argv.slice(2)

if (isClientName(name)) clientCommand(name, argv).catch(reportFailure)
